/** Certificates: what the authority makes, what it refuses to sign, what it keeps on disk. */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { userOfCertificate } from '../../../master/gateway/authentication/client-certificate.ts';
import { ensureAdminKubeconfig } from '../../../master/gateway/pki/admin-kubeconfig.ts';
import {
  BACKDATE_MS,
  type CertificateAuthority,
  DEFAULT_VALIDITY_MS,
  openCertificateAuthority,
} from '../../../master/gateway/pki/certificate-authority.ts';
import { createPkiFiles, PkiError, type PkiFiles } from '../../../master/gateway/pki/pki-files.ts';
import {
  CHECK_INTERVAL_MS,
  computeServerNames,
  createServerCertificate,
} from '../../../master/gateway/pki/server-certificate.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { seededRandom, systemRandom } from '../../../shared/platform/random.ts';
import { computeCaHash } from '../../../shared/protocol/join-token.ts';
import {
  CertificateRequestError,
  createCertificateRequest,
} from '../../../shared/protocol/x509/certificate-request.ts';
import { decodePem, encodePem } from '../../../shared/protocol/x509/der.ts';
import { generatePrivateKey } from '../../../shared/protocol/x509/keys.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))));

interface World {
  clock: VirtualClock;
  directory: string;
  files: PkiFiles;
  authority: CertificateAuthority;
}

async function createWorld(): Promise<World> {
  const clock = createVirtualClock();
  const directory = await mkdtemp(join(tmpdir(), 'bramble-pki-'));
  directories.push(directory);
  const files = createPkiFiles(join(directory, 'pki'));
  const authority = await openCertificateAuthority({ files, clock, random: systemRandom });
  return { clock, directory, files, authority };
}

test('the authority is made once and found again; its key is private', async () => {
  const { clock, directory, files, authority } = await createWorld();
  const again = await openCertificateAuthority({ files, clock, random: systemRandom });
  assert.equal(again.certificate, authority.certificate);
  assert.equal((await stat(join(directory, 'pki/ca.key'))).mode & 0o777, 0o600);
  assert.deepEqual((await readdir(join(directory, 'pki'))).sort(), ['ca.crt', 'ca.key']);
  const certificate = new X509Certificate(authority.certificate);
  assert(certificate.ca);
  assert(certificate.verify(certificate.publicKey));
  assert.equal(authority.hash, computeCaHash(certificate.raw));
  assert.equal(certificate.validFromDate.getTime(), clock.nowMs() - BACKDATE_MS);
});

test('a power cut after the key was written is repaired; a lost key is not', async () => {
  const { clock, directory, files } = await createWorld();
  await rm(join(directory, 'pki/ca.crt'));
  const repaired = await openCertificateAuthority({ files, clock, random: systemRandom });
  await rm(join(directory, 'pki/ca.key'));
  const damaged = (error: unknown): boolean => error instanceof PkiError && error.reason === 'damaged';
  await assert.rejects(openCertificateAuthority({ files, clock, random: systemRandom }), damaged);
  await writeFile(join(directory, 'pki/ca.key'), generatePrivateKey());
  await assert.rejects(openCertificateAuthority({ files, clock, random: systemRandom }), damaged);
  assert(repaired.hash.length === 64);
});

test('a directory that cannot be written says so', async () => {
  const { directory, clock } = await createWorld();
  const path = join(directory, 'a-file');
  await writeFile(path, '');
  const files = createPkiFiles(join(path, 'pki'));
  await assert.rejects(
    openCertificateAuthority({ files: { ...files, read: async () => undefined }, clock, random: systemRandom }),
    (error) => error instanceof PkiError && error.reason === 'not-writable' && error.message.includes('--data-dir'),
  );
});

test('client certificates carry user and groups', async () => {
  const { authority } = await createWorld();
  const { cert, key } = authority.issueClientCertificate({
    commonName: 'system:node:pi',
    organizations: ['system:nodes', 'zürich, CN=admin', 'system:authenticated'],
  });
  const certificate = new X509Certificate(cert);
  assert(certificate.checkPrivateKey(createPrivateKey(key)));
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert(authority.isValid(cert, 0));
  assert.deepEqual(userOfCertificate(certificate), {
    name: 'system:node:pi',
    uid: '',
    groups: ['system:nodes', 'zürich, CN=admin', 'system:authenticated'],
    extra: {},
  });
  const two = authority.issueClientCertificate({ commonName: 'a', organizations: [] });
  assert.deepEqual(userOfCertificate(new X509Certificate(two.cert)).groups, ['system:authenticated']);
  assert.notEqual(new X509Certificate(two.cert).serialNumber, certificate.serialNumber);
});

test('a request is signed as it is, for the time and use that were asked for, within bounds', async () => {
  const { authority, clock } = await createWorld();
  const key = generatePrivateKey();
  const subject = { commonName: 'system:node:pi', organizations: ['system:nodes'] };
  const request = createCertificateRequest(subject, key);
  const day = 24 * 60 * 60 * 1000;
  const signed = new X509Certificate(
    authority.signCertificateRequest(request, { usages: ['client auth'], validityMs: day }),
  );
  assert.equal(userOfCertificate(signed).name, 'system:node:pi');
  assert(signed.publicKey.equals(createPublicKey(key)));
  assert.equal(signed.validToDate.getTime(), clock.nowMs() + day);
  assert(!signed.ca);
  const long = authority.signCertificateRequest(request, { usages: ['client auth'], validityMs: 1e15 });
  assert.equal(new X509Certificate(long).validToDate.getTime(), clock.nowMs() + 2 * DEFAULT_VALIDITY_MS);
  const openssl = authority.signCertificateRequest(RSA_REQUEST, { usages: ['client auth', 'server auth'] });
  assert.equal(userOfCertificate(new X509Certificate(openssl)).name, 'system:node:pi-4');
});

test('bad requests are refused with a reason', async () => {
  const { authority } = await createWorld();
  const good = createCertificateRequest({ commonName: 'a', organizations: [] }, generatePrivateKey());
  const tampered = decodePem(good, 'CERTIFICATE REQUEST');
  tampered[20] = (tampered[20] ?? 0) ^ 1;
  const table: [string, string][] = [
    ['', 'malformed'],
    ['-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----', 'malformed'],
    [good.slice(0, 100), 'malformed'],
    [encodePem(tampered, 'CERTIFICATE REQUEST'), 'bad-signature'],
    [WEAK_REQUEST, 'weak-key'],
    [ODD_REQUEST, 'malformed'],
    [createCertificateRequest({ commonName: '', organizations: ['x'] }, generatePrivateKey()), 'malformed'],
  ];
  for (const [pem, reason] of table) {
    assert.throws(
      () => authority.signCertificateRequest(pem, { usages: ['client auth'] }),
      (error) => error instanceof CertificateRequestError && error.reason === reason,
      `${reason}: ${pem.slice(0, 60)}`,
    );
  }
});

test('bytes that are no request are malformed, whatever they are', async () => {
  const { authority } = await createWorld();
  const random = seededRandom(1);
  const good = decodePem(
    createCertificateRequest({ commonName: 'a', organizations: ['b'] }, generatePrivateKey()),
    'CERTIFICATE REQUEST',
  );
  for (let n = 0; n < 300; n += 1) {
    const bytes = Buffer.from(good);
    bytes[random.nextUint32() % bytes.length] = random.nextUint32() & 0xff;
    const cut = bytes.subarray(0, 1 + (random.nextUint32() % bytes.length));
    try {
      authority.signCertificateRequest(encodePem(n % 2 === 0 ? bytes : cut, 'CERTIFICATE REQUEST'), {
        usages: ['client auth'],
      });
    } catch (error) {
      assert(error instanceof CertificateRequestError, String(error));
    }
  }
});

test('names of a server', () => {
  assert.deepEqual(computeServerNames('pi-1.home.lan', ['192.168.1.4', 'fe80::1%eth0', 'nonsense', '192.168.1.4']), {
    dnsNames: [
      'bramble-master',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'localhost',
      'pi-1.home.lan',
      'pi-1.local',
    ],
    ipAddresses: ['127.0.0.1', '::1', '192.168.1.4', 'fe80::1'],
  });
});

test('the server certificate covers new addresses, survives a restart, and is renewed in time', async () => {
  const { clock, files, authority, directory } = await createWorld();
  let addresses = ['192.168.1.4'];
  const create = () =>
    createServerCertificate({
      authority,
      files,
      hostname: 'pi-1',
      addresses: () => addresses,
      clock,
      logger: silentLogger,
    });
  const keeper = create();
  await keeper.start();
  const first = keeper.current();
  const certificate = new X509Certificate(first.cert);
  for (const name of ['bramble-master', 'kubernetes', 'kubernetes.default.svc', 'localhost', 'pi-1', 'pi-1.local']) {
    assert.equal(certificate.checkHost(name), name);
  }
  for (const address of ['127.0.0.1', '::1', '192.168.1.4']) assert.equal(certificate.checkIP(address), address);
  assert.equal((await stat(join(directory, 'pki/server.key'))).mode & 0o777, 0o600);
  await clock.advance(10 * CHECK_INTERVAL_MS);
  assert.equal(keeper.current(), first);

  const changed = Promise.withResolvers<string>();
  keeper.onChange(({ cert }) => changed.resolve(cert));
  addresses = ['192.168.1.5', 'fd00::5'];
  await clock.advance(CHECK_INTERVAL_MS);
  const second = new X509Certificate(await changed.promise);
  assert.equal(second.checkIP('192.168.1.5'), '192.168.1.5');
  assert.equal(second.checkIP('fd00::5'), 'fd00::5');
  await keeper.stop();

  const restarted = create();
  await restarted.start();
  assert.equal(new X509Certificate(restarted.current().cert).serialNumber, second.serialNumber);
  await restarted.stop();

  clock.jumpWallClock(DEFAULT_VALIDITY_MS - 10 * 24 * 60 * 60 * 1000);
  const renewed = create();
  await renewed.start();
  assert.notEqual(new X509Certificate(renewed.current().cert).serialNumber, second.serialNumber);
  await renewed.stop();

  await writeFile(join(directory, 'pki/server.key'), 'half a k');
  const repaired = create();
  await repaired.start();
  assert(new X509Certificate(repaired.current().cert).checkPrivateKey(createPrivateKey(repaired.current().key)));
  await repaired.stop();
});

test('admin.kubeconfig is private, complete, left alone while good, and made anew for another address or authority', async () => {
  const { authority, directory } = await createWorld();
  const path = join(directory, 'admin.kubeconfig');
  const server = 'https://127.0.0.1:6443';
  await ensureAdminKubeconfig({ path, server, authority });
  const text = await readFile(path, 'utf8');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const value = (name: string): string =>
    Buffer.from(new RegExp(`${name}: (\\S+)`).exec(text)?.[1] ?? '', 'base64').toString('utf8');
  assert.equal(value('certificate-authority-data'), authority.certificate);
  const user = userOfCertificate(new X509Certificate(value('client-certificate-data')));
  assert.deepEqual([user.name, ...user.groups], ['admin', 'system:masters', 'system:authenticated']);

  await ensureAdminKubeconfig({ path, server, authority });
  assert.equal(await readFile(path, 'utf8'), text);
  await ensureAdminKubeconfig({ path, server: 'https://10.0.0.1:6443', authority });
  assert.match(await readFile(path, 'utf8'), /10\.0\.0\.1/);

  const { authority: other } = await createWorld();
  await ensureAdminKubeconfig({ path, server, authority: other });
  assert.notEqual(await readFile(path, 'utf8'), text);
  await chmod(path, 0o600);
  await writeFile(path, 'garbage');
  await ensureAdminKubeconfig({ path, server, authority });
  assert.match(await readFile(path, 'utf8'), /current-context: bramble/);
});

/** Made by openssl: RSA of 2048 bits, O = system:nodes, CN = system:node:pi-4. */
const RSA_REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIICdzCCAV8CAQAwMjEVMBMGA1UECgwMc3lzdGVtOm5vZGVzMRkwFwYDVQQDDBBz
eXN0ZW06bm9kZTpwaS00MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA
2Y/jNIfkg9wpRwCgdX9/SYtRLzrFCocy1n4rO/+KaOgkof++UysK5Ibtr/Z4PBQ/
cB4i4Gh4hs0SIE3e4LNeuZAgfu/OBud37v5d30fTd4623+hw0YEgyfmLDs4QfIbK
xhygqlP5wBTkoFAoPE4PkaHxGJmj2I+CdlVDqy5oBGvAGnrZ8oUu608njWRCIn5Y
s76dH1HGkj8kgUNwoFEpMHoxvKWu9ibGYxDnnnOnWo5pRvo5NN6nuuZkgy+pRheO
e7uO/qvMCqqVtMho0p/Y17YZ3BgXTjVAqQ6RD1LOjbIdg+6VvMsujNxyGRAL3FJ2
lLzi+PEeAkXAZMO406vW3wIDAQABoAAwDQYJKoZIhvcNAQELBQADggEBADa0V69q
FA88zelRuj3+YumOV2P+VXE6EEb8cTrprSzu35x12tCrwuwP0CJk+tvKWSNg4Pdn
4to8JvBTRBBcBlO2ftbVKq63uvNKF0NfOlNcYZ95Iufpx12edeG2irqF/eNMjSxr
Gsk50DOwG+zP0OexpEibkMVbyImchx7eTZWGzIhD9B/bHFRHELr+peIdMEjTa86W
GA6LnDRuiNLznYiwPh+Fr587ByqcTeBmWaGngvdxbYMLLYugGiFuY0KGsoNOVCBH
WkpejYbzEbx8YCSVdyXtaii42q5tKKIbO/V+uwXgusv/TW5x34dapgcrFPJtUMDg
lfkVvbt+kUkV3bo=
-----END CERTIFICATE REQUEST-----
`;

/** The same with RSA of 1024 bits. */
const WEAK_REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIIBcTCB2wIBADAyMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxGTAXBgNVBAMMEHN5
c3RlbTpub2RlOnBpLTQwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBANP5K2rR
0KEqdarBvTEqGnRhiAhRz8ewMOH3rDuxMPicIYVsVkSAqAXYevKW3xBycs31b1ZG
CLXCCK4Tc84dKcRBgdq/w7nL6NzN8HA8Cm/x6mtPOc6toMxWnsmE+QNpKEG7gujc
8lJI3r2k/s4zEPu7B7NT0eXbiKuQIJ3PZLb3AgMBAAGgADANBgkqhkiG9w0BAQsF
AAOBgQB9H5K+w2HiM2/3Ti3bUUzshCr+MTtf2b03eFOHLgcNZIclztkFJNHS96I8
ptr2PszIm402MHWa3+ZE0NflrSyqUroxqhzRVQKVTeltT8pC3wamDg2SZ7pYDkth
jmudJBXDeCtr4U6nqa7PVkhX/swLKOxTEAxfj5I25+2H/d2oNw==
-----END CERTIFICATE REQUEST-----
`;

/** EC, with an OU beside O and CN. */
const ODD_REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIH8MIGjAgEAMEExFTATBgNVBAoMDHN5c3RlbTpub2RlczEZMBcGA1UEAwwQc3lz
dGVtOm5vZGU6cGktNDENMAsGA1UECwwEZXZpbDBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABLdpdQ5XtT1d+fYtSttzd8lZ4Sw3xVqcmuc9UAdj22DXP7Lo0I0bg9co
FhgAUHbaLchi78tcpplp9AFfF+eVuw+gADAKBggqhkjOPQQDAgNIADBFAiBf88Vb
VhOloMoHXyr76qOE+4xRKrcok+PDMn3uaznTwQIhANr1mOPEiYgMxVAnggsZwPGk
yoeeNVUcGYfxBcyg++PW
-----END CERTIFICATE REQUEST-----
`;
