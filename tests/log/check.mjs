// Checks checkpoints and proofs of inclusion with @sigstore/verify: lines of JSON in, a JSON list of verdicts out.
import { createPublicKey } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { verifyTLogInclusion } = createRequire(import.meta.url)("@sigstore/verify/dist/tlog");

function bytes(text) {
  return Buffer.from(text, "base64");
}

// Tells whether a case is accepted; an error that is no verdict of the library's is passed on.
function accepted({ name, keyId, key, note, line, position, hashes }) {
  const authority = {
    logID: bytes(keyId),
    publicKey: createPublicKey({ key: bytes(key), format: "der", type: "spki" }),
    baseURL: name,
  };
  const entry = {
    canonicalizedBody: Buffer.from(line),
    inclusionProof: {
      checkpoint: { envelope: note },
      logIndex: position,
      hashes: hashes.map(bytes),
    },
  };
  try {
    verifyTLogInclusion(entry, [authority]);
    return true;
  } catch (error) {
    if (error.code === "TLOG_INCLUSION_PROOF_ERROR" || error instanceof SyntaxError) return false;
    throw error;
  }
}

const verdicts = [];
for await (const line of createInterface({ input: process.stdin })) {
  verdicts.push(accepted(JSON.parse(line)));
}
console.log(JSON.stringify(verdicts));
