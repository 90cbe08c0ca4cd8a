import { needProgram } from "../oracle/host.ts";

/** What a person types, once the terminal shows a question. */
export interface Typing {
  readonly question: string;
  /** As typed: "\n" is the Enter key, "\x03" is Ctrl-C. */
  readonly keys: string;
}

/**
 * Runs the CLI on a terminal, as `under` of a call. What the terminal shows, results and messages
 * alike, is the call's stdout.
 */
export async function onTerminal(typing?: Typing, columns = 80): Promise<readonly string[]> {
  const python = await needProgram("/usr/bin/python3", "python3");
  const relay = RELAY.replace("COLUMNS", String(columns));
  return [python, "-c", relay, "", typing?.question ?? "", typing?.keys ?? ""];
}

/** The same in slow motion: whatever takes the CLI more than a moment takes longer than a bar's first drawing. */
export async function onSlowTerminal(): Promise<readonly string[]> {
  const [python = "", option = "", relay = ""] = await onTerminal();
  return [python, option, relay, "slow", "", ""];
}

const RELAY = `
import fcntl, os, pty, signal, struct, sys, termios, threading, time
slow, question, keys, *command = [os.fsencode(word) for word in sys.argv[1:]]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    os.execvp(command[0], command)
def slow_down():
    while True:
        os.kill(child, signal.SIGSTOP)
        time.sleep(0.12)
        os.kill(child, signal.SIGCONT)
        time.sleep(0.01)
if slow:
    threading.Thread(target=slow_down, daemon=True).start()
shown = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    os.write(1, piece)
    shown += piece
    if keys and question in shown:
        os.write(terminal, keys)
        keys = b""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`;
