// Tests run from the compiled output: the same files, thread entries and wasm paths that ship.

/** One plain closing line that any reader of a build log understands. */
const closingLine = {
  onTestRunEnd(modules) {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        tests++;
        count[test.result().state] = (count[test.result().state] ?? 0) + 1;
      }
      // A file that failed before its first test is a failure, too.
      if (tests === 0 && module.state() === 'failed') count.failed++;
    }
    process.on('exit', () => {
      process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
    });
  },
};

export default {
  test: {
    include: ['dist/tests/**/*.test.js'],
    pool: 'forks',
    // The long ones wait (for chains, windows, time-outs) more than they compute; two cores carry three of them.
    maxWorkers: 3,
    // No test measures time; this only ends one that hangs, on the slowest of machines.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    reporters: ['default', closingLine],
  },
};
