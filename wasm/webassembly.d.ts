/**
 * The part of WebAssembly that the loader uses. The language library of ES2023 does not have it (it belongs to the DOM one,
 * which would bring `window` with it), and the Node 20 typings do not declare it either.
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports?: object);
    readonly exports: object;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  interface Global {
    readonly value: number;
  }
}
