// The browser's own conversion (WebAuthn level 3) where it has it; Chromium, Firefox and Safari do.
type Parsers = {
  parseRequestOptionsFromJSON?: (json: unknown) => PublicKeyCredentialRequestOptions;
  parseCreationOptionsFromJSON?: (json: unknown) => PublicKeyCredentialCreationOptions;
};

const parsers = () => window.PublicKeyCredential as unknown as Parsers | undefined;

/** Whether this browser can make and use passkeys. */
export const canPasskeys = () => typeof parsers()?.parseRequestOptionsFromJSON === 'function';

/** Has the person prove themselves with a passkey; the answer as JSON. Throws when they cancel. */
export const getPasskey = async (options: string) => {
  const credential = await navigator.credentials.get({ publicKey: parsers()!.parseRequestOptionsFromJSON!(JSON.parse(options)) });
  return JSON.stringify((credential as PublicKeyCredential).toJSON());
};

/** Makes a passkey; the new credential as JSON. Throws when they cancel. */
export const makePasskey = async (options: string) => {
  const credential = await navigator.credentials.create({ publicKey: parsers()!.parseCreationOptionsFromJSON!(JSON.parse(options)) });
  return JSON.stringify((credential as PublicKeyCredential).toJSON());
};
