// Serves the certified OpenID provider for tests on a free port of this machine, and prints its address.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const people = new Map();
const [clientId, clientSecret, redirectUri] = process.argv.slice(2);

// Takes what a person is said to be, PUT /people/{id}; everything else is the provider's.
function served(handle) {
  return (request, response) => {
    const person = /^\/people\/([^/]+)$/.exec(request.url);
    if (request.method !== "PUT" || person === null) {
      handle(request, response);
      return;
    }
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      people.set(decodeURIComponent(person[1]), JSON.parse(body));
      response.writeHead(204).end();
    });
  };
}

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub", "netid", "phone_number"], profile: ["name"] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...people.get(id) }),
    }),
    features: { devInteractions: { enabled: true } },
    pkce: { required: () => true },
  });
  server.on("request", served(provider.callback()));
  console.log(issuer);
});
