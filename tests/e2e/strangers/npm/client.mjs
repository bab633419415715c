// A client that nobody here wrote: oauth4webapi asks for tokens and calls with them, as its own documentation shows.
// One command a line on standard input, one answer a line on standard output, both JSON.
import * as oauth from 'oauth4webapi'
import { createInterface } from 'node:readline'

const insecure = { [oauth.allowInsecureRequests]: true } // plain http, on this machine
const keys = {
  own: await oauth.generateKeyPair('ES256'),
  other: await oauth.generateKeyPair('ES256'),
}
const tokens = {}
let as, client, secret

async function discover({ issuer, client_id, client_secret }) {
  const url = new URL(issuer)
  const found = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure })
  as = await oauth.processDiscoveryResponse(url, found)
  client = { client_id }
  secret = oauth.ClientSecretPost(client_secret)
  return { token_endpoint: as.token_endpoint, dpop: as.dpop_signing_alg_values_supported }
}

// A server may ask for a nonce, once: the library remembers it, and the request is made again.
async function twice(request) {
  try {
    return await request()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return await request()
  }
}

async function token({ name, parameters, key = 'own' }) {
  const dpop = oauth.DPoP(client, keys[key])
  const answer = await twice(async () =>
    oauth.processClientCredentialsResponse(
      as,
      client,
      await oauth.clientCredentialsGrantRequest(as, client, secret, parameters, { DPoP: dpop, ...insecure }),
    ),
  )
  tokens[name] = answer.access_token
  return { token_type: answer.token_type, expires_in: answer.expires_in, scope: answer.scope ?? null }
}

async function call({ name, url, body, key = 'own' }) {
  const dpop = key === null ? undefined : oauth.DPoP(client, keys[key])
  const headers = new Headers({ 'content-type': 'application/json' })
  const send = () =>
    oauth.protectedResourceRequest(tokens[name], 'POST', new URL(url), headers, JSON.stringify(body), {
      DPoP: dpop,
      ...insecure,
    })
  try {
    const answer = await twice(send)
    return { status: answer.status, body: await answer.json() }
  } catch (error) {
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error
    return { status: error.status, challenges: error.cause, body: await error.response.json() }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...said } = JSON.parse(line)
  try {
    process.stdout.write(JSON.stringify(await { discover, token, call }[command](said)) + '\n')
  } catch (error) {
    const told = { error: error.error ?? error.code ?? error.name, description: error.error_description ?? error.message }
    process.stdout.write(JSON.stringify(told) + '\n')
  }
}
