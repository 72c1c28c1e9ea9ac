export { SecretError, type SecretErrorCode } from "./errors.js"
export { openSecrets, type Secrets } from "./open-secrets.js"
export { readSecretFile, readSecretSetting, readSecretVariable, type ReadSecret } from "./read-secret.js"
export type { SecretPlace, SecretStore } from "./secret-store.js"
