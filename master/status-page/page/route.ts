/**
 * Where the page is, as the part of its address behind the #: every view can be linked to. Pure.
 *
 *     #/pods?namespace=default&search=web&trouble=1&open=pod/default/web-1&tab=logs
 */
export const VIEWS = ['overview', 'workloads', 'pods', 'services', 'events'] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  namespace: string;
  search: string;
  /** Only what asks for a look. */
  trouble: boolean;
  /** Key of the entry whose details are shown; empty: none. */
  open: string;
  tab: string;
}

export const HOME: Route = { view: 'overview', namespace: '', search: '', trouble: false, open: '', tab: '' };

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const values = new URLSearchParams(query);
  return {
    view: VIEWS.find((view) => view === path) ?? 'overview',
    namespace: values.get('namespace') ?? '',
    search: values.get('search') ?? '',
    trouble: values.get('trouble') === '1',
    open: values.get('open') ?? '',
    tab: values.get('tab') ?? '',
  };
}

export function renderRoute(route: Route): string {
  const values = new URLSearchParams();
  for (const name of ['namespace', 'search', 'open', 'tab'] as const)
    if (route[name] !== '') values.set(name, route[name]);
  if (route.trouble) values.set('trouble', '1');
  const query = values.toString().replaceAll('%2F', '/');
  return `#/${route.view === 'overview' ? '' : route.view}${query === '' ? '' : `?${query}`}`;
}
