// Tests run from the compiled output: the same files, worker entries and wasm paths that ship.
export default {
  test: {
    include: ['dist/tests/**/*.test.js'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
};
