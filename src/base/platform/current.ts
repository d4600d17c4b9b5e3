// What is under way, carried along from a call to everything that it waits for and starts.

import { AsyncLocalStorage } from "node:async_hooks"

export interface Current<T> {
  get(): T | undefined
  run<R>(value: T, work: () => R): R
}

export function createCurrent<T>(): Current<T> {
  const storage = new AsyncLocalStorage<T>()
  return { get: () => storage.getStore(), run: (value, work) => storage.run(value, work) }
}
