/** The SQLite store under the contract, on a file and in memory. */
import { createStoreFixture } from '../support/store-fixture.ts';
import { storeContract } from './store-contract.ts';

storeContract('SQLite on a file', () => createStoreFixture('file'));
storeContract('SQLite in memory', () => createStoreFixture('memory'));
