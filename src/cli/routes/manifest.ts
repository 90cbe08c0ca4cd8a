import type { RootCommand } from "../spec/root.ts";
import { initSpec, validateSpec, planSpec, applySpec, destroySpec } from "../spec/manifest.ts";
import type { Start } from "../session.ts";

/** `init`, `validate`, `plan`, `apply` and `destroy`. */
export function addManifestCommands(root: RootCommand, start: Start): void {
  initSpec(root).action(async (_options, command) => {
    const { init } = await import("../commands/init.ts");
    await init(start(command));
  });
  validateSpec(root).action(async (_options, command) => {
    const { validate } = await import("../commands/validate.ts");
    await validate(start(command));
  });
  planSpec(root).action(async (options, command) => {
    const { plan } = await import("../commands/plan.ts");
    await plan(start(command), options);
  });
  applySpec(root).action(async (options, command) => {
    const { apply } = await import("../commands/apply.ts");
    await apply(start(command), options);
  });
  destroySpec(root).action(async (options, command) => {
    const { destroy } = await import("../commands/destroy.ts");
    await destroy(start(command), options);
  });
}
