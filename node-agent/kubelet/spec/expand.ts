/**
 * `$(NAME)` in commands, arguments and values, as Kubernetes replaces it: an unknown name stays as it is written, `$$` is a
 * plain `$`. Source: Kubernetes documentation, "Define Dependent Environment Variables".
 */

/** Example: expand('$(A)-$$(B)-$(C)', new Map([['A', '1']])) is '1-$(B)-$(C)'. */
export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$(?:\$|\(([^()]*)\))/g, (match, name: string | undefined) => {
    if (name === undefined) return '$';
    return variables.get(name) ?? match;
  });
}
