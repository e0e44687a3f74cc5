// Starts the built `gavel` binary on a free port of 127.0.0.1 with a folder of its own, and stops it by its own pid.

import { spawn, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BINARY = process.env.GAVEL_BINARY ?? new URL("../../target/debug/gavel", import.meta.url).pathname;
const READY_WITHIN_MS = 30_000;

/** A port that was free a moment ago. */
async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** A running house. `url` is where it answers. */
export class House {
  static async start() {
    const house = new House();
    house.folder = mkdtempSync(join(tmpdir(), "gavel-browser-"));
    house.port = await freePort();
    house.url = `http://127.0.0.1:${house.port}`;
    await house.run();
    return house;
  }

  async run() {
    this.output = "";
    this.process = spawn(
      BINARY,
      ["serve", "--listen", `127.0.0.1:${this.port}`, "--data", this.folder, "--rate-limits", "off"],
      { stdio: ["ignore", "pipe", "pipe"], cwd: this.folder },
    );
    this.process.stdout.on("data", (chunk) => (this.output += chunk));
    this.process.stderr.on("data", (chunk) => (this.output += chunk));
    await this.answers();
  }

  async answers() {
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      if (this.process.exitCode !== null) throw new Error(`gavel ended at once:\n${this.output}`);
      const ready = await fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false);
      if (ready) return;
      if (Date.now() > deadline) throw new Error(`gavel was not ready in time:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends the process with `signal` and waits until it is gone. */
  async end(signal) {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, "exit");
    this.process.kill(signal);
    await exit;
  }

  /** `kill -9`, then the same house on the same folder. */
  async crashAndRestart() {
    await this.end("SIGKILL");
    await this.run();
  }

  grantAdmin(email) {
    execFileSync(BINARY, ["admin", "grant", email, "--data", this.folder], { cwd: this.folder });
  }

  async stop() {
    await this.end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
