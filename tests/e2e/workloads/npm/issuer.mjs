import Provider from 'oidc-provider';
import http from 'node:http';
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'svc-1', client_secret: 'a-secret-of-a-test-client-0123456789', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, defaultResource: () => 'https://gatepass.example', getResourceServerInfo: () => ({ scope: '', audience: 'https://gatepass.example', accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'RS256' } } }) },
    },
    formats: { customizers: { jwt(ctx, token, parts) { if (!ctx.get('x-plain')) parts.header = { ...parts.header, typ: 'JWT' }; return parts; } } },
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
