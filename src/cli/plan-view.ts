import { formatCount } from "../format.ts";
import type { DeclaredFreshness } from "../app/freshness.ts";
import type { ContextPlan, PlannedVolume } from "../app/plan.ts";
import { wantsAttention } from "../snapshot/freshness.ts";
import { freshnessRemark } from "./freshness-view.ts";
import type { Paint } from "./output/terminal.ts";

/** A line for each volume, the sections of others in one, and a sum at the end. */
export function renderPlan(
  plans: readonly ContextPlan[],
  unmanagedSections: readonly string[],
  paint: Paint,
  { prune }: { readonly prune: boolean },
): readonly string[] {
  const lines = plans.flatMap(({ context, volumes }) => [
    paint("bold", `context ${context}`),
    ...volumes.map((volume) => `  ${planLine(volume, paint, prune)}`),
    ...(volumes.length === 0 ? ["  no volumes are declared"] : []),
  ]);
  if (unmanagedSections.length > 0) {
    lines.push(`Declared, but not managed by this tool: ${unmanagedSections.join(", ")}`);
  }
  return [...lines, summary(plans.flatMap(({ volumes }) => volumes))];
}

function planLine(planned: PlannedVolume, paint: Paint, prune: boolean): string {
  switch (planned.action) {
    case "create":
      return `${paint("green", "+")} ${planned.name}: create`;
    case "keep":
      return `${paint("dim", "=")} ${planned.name}: exists${planned.remark === undefined ? "" : `; ${planned.remark}`}`;
    case "drift":
      return `${paint("yellow", "!")} ${planned.name}: differs, left alone: ${planned.differences.join("; ")}`;
    case "orphan":
      if (prune) {
        return `${paint("red", "-")} ${planned.name}: no longer declared, removed after a snapshot`;
      }
      return `${paint("yellow", "?")} ${planned.name}: no longer declared, kept (apply --prune snapshots and removes it)`;
  }
}

function summary(volumes: readonly PlannedVolume[]): string {
  const count = (action: PlannedVolume["action"]): number =>
    volumes.filter((volume) => volume.action === action).length;
  const parts = [
    `${formatCount(count("create"), "volume")} to create`,
    `${count("keep")} in place`,
  ];
  if (count("drift") > 0) parts.push(`${count("drift")} that differ`);
  if (count("orphan") > 0) parts.push(`${count("orphan")} no longer declared`);
  return `${parts.join(", ")}.`;
}

/** A line for each declared volume whose snapshots want attention. */
export function renderFreshness(
  volumes: readonly DeclaredFreshness[],
  severalContexts: boolean,
  paint: Paint,
): readonly string[] {
  const lines = volumes
    .filter(({ state }) => wantsAttention(state))
    .map((each) => {
      const name = severalContexts ? `${each.context}/${each.volume}` : each.volume;
      return `  ${paint("yellow", "!")} ${name}: ${freshnessRemark(each)}`;
    });
  return lines.length === 0 ? [] : [paint("bold", "snapshots"), ...lines];
}
