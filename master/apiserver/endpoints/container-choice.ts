/** Which container of a pod is meant, when a request for logs or a shell does not say, and whether it exists. Pure. */
import type { Pod } from '../../../shared/api/pod.ts';
import { badRequest } from '../../../shared/machinery/errors.ts';

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** Throws BadRequest in upstream's words. */
export function chooseContainer(pod: Pod, asked: string): string {
  const names = containerNames(pod);
  const all = [...names.main, ...names.init, ...names.ephemeral];
  if (asked !== '') {
    if (all.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
  }
  const preferred = pod.metadata.annotations?.[DEFAULT_CONTAINER];
  if (preferred !== undefined && all.includes(preferred)) return preferred;
  const [only, second] = names.main;
  if (only !== undefined && second === undefined) return only;
  throw badRequest(ambiguous(pod.metadata.name, names));
}

interface ContainerNames {
  main: string[];
  init: string[];
  ephemeral: string[];
}

function containerNames({ spec }: Pod): ContainerNames {
  const namesOf = (containers: readonly { name: string }[] = []): string[] => containers.map(({ name }) => name);
  return {
    main: namesOf(spec.containers),
    init: namesOf(spec.initContainers),
    ephemeral: namesOf(spec.ephemeralContainers),
  };
}

function ambiguous(pod: string, { main, init, ephemeral }: ContainerNames): string {
  const groups = [`choose one of: [${main.join(' ')}]`];
  if (init.length > 0) groups.push(`or one of the init containers: [${init.join(' ')}]`);
  if (ephemeral.length > 0) groups.push(`or one of the ephemeral containers: [${ephemeral.join(' ')}]`);
  return `a container name must be specified for pod ${pod}, ${groups.join(' ')}`;
}
