import type { Change } from '../state/change.js';

/** Carries changes from the replica that made them to every replica, itself included. */
export interface Bus {
  publish(change: Change): void;
  /** Answers the function that ends the subscription. */
  subscribe(handler: (change: Change) => void): () => void;
  close(): Promise<void>;
}
