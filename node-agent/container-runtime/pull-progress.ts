/** How far a pull is, from the engine's lines about each layer: bytes that came and bytes that were unpacked. Bounded. */
import { isJsonObject } from '../../shared/machinery/json.ts';

/** An image has at most 127 layers. */
const MAX_LAYERS = 256;

interface Layer {
  downloaded: number;
  unpacked: number;
  total: number;
}

export class PullProgress {
  readonly #layers = new Map<string, Layer>();

  /** Downloading and unpacking both count: on a card the second takes as long as the first. */
  get doneBytes(): number {
    return this.#sum(({ downloaded, unpacked }) => downloaded + unpacked);
  }

  get totalBytes(): number {
    return this.#sum(({ total }) => 2 * total);
  }

  /** true: something has changed. */
  take(line: unknown): boolean {
    if (!isJsonObject(line) || typeof line['id'] !== 'string') return false;
    const { id, status } = line;
    const detail = line['progressDetail'];
    const layer = this.#layers.get(id) ?? { downloaded: 0, unpacked: 0, total: 0 };
    if (status === 'Pull complete' || status === 'Download complete') {
      layer.downloaded = layer.total;
      if (status === 'Pull complete') layer.unpacked = layer.total;
    } else if (isJsonObject(detail) && typeof detail['current'] === 'number') {
      if (typeof detail['total'] === 'number') layer.total = detail['total'];
      if (status === 'Downloading') layer.downloaded = Math.min(detail['current'], layer.total);
      else if (status === 'Extracting') layer.unpacked = Math.min(detail['current'], layer.total);
    } else return false;
    if (this.#layers.has(id) || this.#layers.size < MAX_LAYERS) this.#layers.set(id, layer);
    return true;
  }

  #sum(amountOf: (layer: Layer) => number): number {
    return [...this.#layers.values()].reduce((sum, layer) => sum + amountOf(layer), 0);
  }
}
