// From an app-server method to the name of its signal (wire-contract §4.1): `thread/tokenUsage/updated` is
// `thread.token_usage.updated`.

/** The name without its `app_server.` or `app_server.request.` prefix. */
export const signalName = (method: string): string => method.split("/").map(segmentName).join(".")

function segmentName(segment: string): string {
  const name = segment
    .trim()
    .replace(/[^A-Za-z0-9]+/g, "_")
    // An acronym ends where the next capitalised word begins: `MCPServer` is `MCP_Server`.
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/_+/g, "_")
    .replace(/^_|_$/g, "")
    .toLowerCase()
  return name === "" ? "unknown" : name
}
