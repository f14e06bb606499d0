/** `-o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[*].image`. */

import { renderColumns } from './columns.ts';
import { compilePath, JsonPathError, renderScalar } from './json-path.ts';

export type CustomColumns = (items: readonly unknown[]) => string;

export function compileCustomColumns(spec: string): CustomColumns {
  const columns = spec.split(',').map((part) => {
    const colon = part.indexOf(':');
    if (colon < 1) throw new JsonPathError(`"${part}" is no column: write TITLE:.path`);
    return { title: part.slice(0, colon), find: compilePath(part.slice(colon + 1)) };
  });
  return (items) => {
    const rows = items.map((item) => columns.map(({ find }) => find(item).map(renderScalar).join(',') || '<none>'));
    return renderColumns([columns.map(({ title }) => title), ...rows]);
  };
}
