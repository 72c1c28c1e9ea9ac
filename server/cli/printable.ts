/**
 * Makes text from a repository harmless for a terminal: control characters (escape sequences, line ends, changes of
 * direction) show as their numbers. `allowed` characters stay.
 */
export function printable(text: string, allowed = ""): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) =>
    allowed.includes(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
