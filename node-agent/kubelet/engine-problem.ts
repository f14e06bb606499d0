/** The engine answered that it cannot; an engine that does not answer is nobody's fault here. */
import { RuntimeError } from '../container-runtime/runtime.ts';

export function isEngineProblem(error: unknown): error is RuntimeError {
  return error instanceof RuntimeError && error.reason !== 'unavailable';
}
