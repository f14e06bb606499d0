/** Tables as text. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TablePrinter } from '../../../cli/api/table.ts';

const TABLE = {
  columnDefinitions: [
    { name: 'Name', priority: 0 },
    { name: 'Ready', priority: 0 },
    { name: 'Node', priority: 1 },
  ],
  rows: [
    { cells: ['web-1', '1/1', 'pi-1'], object: { metadata: { name: 'web-1', namespace: 'default' } } },
    {
      cells: ['a-longer-name', '0/1', null],
      object: { metadata: { name: 'a-longer-name', namespace: 'kube-system' } },
    },
  ],
};

describe('TablePrinter', () => {
  test('columns as wide as their cells; wide ones only when asked', () => {
    const printer = new TablePrinter({ wide: false, withNamespace: false });
    assert.equal(printer.render(TABLE), 'NAME            READY\nweb-1           1/1\na-longer-name   0/1\n');
    const wide = new TablePrinter({ wide: true, withNamespace: false });
    assert.match(wide.render(TABLE), /^NAME +READY +NODE\n.*pi-1\n.*<none>\n$/);
  });

  test('namespace and type', () => {
    const printer = new TablePrinter({ wide: false, withNamespace: true, namePrefix: 'pod/' });
    assert.equal(printer.render(TABLE).split('\n')[1], 'default       pod/web-1           1/1');
  });

  test('rows of a watch keep the columns in line, also without definitions', () => {
    const printer = new TablePrinter({ wide: false, withNamespace: false });
    printer.render(TABLE);
    assert.equal(printer.renderRows({ rows: [{ cells: ['web-1', '0/1', 'x'] }] }), 'web-1           0/1\n');
  });

  test('nothing for no rows; no control characters', () => {
    const printer = new TablePrinter({ wide: false, withNamespace: false });
    assert.equal(printer.render({ ...TABLE, rows: [] }), '');
    assert.match(printer.render({ ...TABLE, rows: [{ cells: ['\u001b[2Jx\n', '1'] }] }), /^NAME.*\n\?\[2Jx\? +1\n$/);
  });
});
