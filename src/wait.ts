/** Shows that something is waited for, and how long at most where there is a limit; returns what ends that. */
export type StartWait = (what: string, limitMs?: number) => () => void;
