/** No longer: systems take 255 bytes. */
const LONGEST = 200

/**
 * The header that has a browser save an answer under a name, and never show it. Names come from repositories: control characters, and
 * what is a path or something special on any system, become "_"; bytes that are no UTF-8 become U+FFFD.
 */
export function attachment(name: Uint8Array, ending = ""): string {
  const text = Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString()
  const safe = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}/\\:*?"<>|]/gu, "_").replace(/^\.+|[. ]+$/g, "_")
  const cut = Array.from(safe).slice(0, LONGEST).join("") || "_"
  const whole = cut + ending
  const plain = whole.replace(/[^\x20-\x7e]|[%;']/g, "_")
  const encoded = encodeURIComponent(whole).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}
