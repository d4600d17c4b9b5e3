// The config.toml that points any codex binary at the scripted model. It belongs into a CODEX_HOME of its own,
// never into a person's.

/** Known to 0.130–0.169, which then offer apply_patch and don't warn of missing metadata; 0.105 takes it too. */
export const SCRIPTED_MODEL = "gpt-5.5"

export interface ProviderNeeds {
  /** Where the model is served, without a path: `http://127.0.0.1:PORT`. */
  baseUrl: string
  /** Any name (`SCRIPTED_MODEL` for choice); the binaries fall back to plain metadata for one they don't know. */
  model: string
  /** Repetitions after a failed request or a broken stream; 0 shows every failure at once. */
  retries?: number
}

/** The text of config.toml. Keys that a binary doesn't know are ignored by it. */
export function providerConfig({ baseUrl, model, retries = 0 }: ProviderNeeds): string {
  return `model = ${quote(model)}
model_provider = "scripted"
check_for_update_on_startup = false
suppress_unstable_features_warning = true

[model_providers.scripted]
name = "scripted"
base_url = ${quote(`${baseUrl.replace(/\/+$/, "")}/v1`)}
wire_api = "responses"
request_max_retries = ${retries}
stream_max_retries = ${retries}

[analytics]
enabled = false

[features]
default_mode_request_user_input = true
`
}

/** A TOML basic string: JSON's escapes are a subset of TOML's. */
const quote = (text: string): string => JSON.stringify(text)
