// A repository of three files whose every byte is known (restic-repository-format, Appendix A): the password is "test".

export const KEY_NAME = "3834e3f6b85ddab2de1db5db45d3b59016ed38bf75cf157ebb617dd663fdf42f"
export const KEY_JSON =
  '{"created":"2026-01-01T00:00:00Z","username":"u","hostname":"h","kdf":"scrypt","N":1024,"r":8,"p":1,' +
  '"salt":"oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr/AwcLDxMXGx8jJysvMzc7P0NHS09TV1tfY2drb3N3e3w==",' +
  '"data":"EBESExQVFhcYGRobHB0eH1NsnbYmvaUXPgRr9uS9t1lfNNjrGHSVldkAMo7Cc0eC9611EY0LwUqXu50EyMo0Mb5u6BJQywUHAotQtYHgI/caSC' +
  'sEGXHoIgVh503zOctFPeZ+LeoJkGKFC6jMfmWrmIm9rocDJHCpkRbjxc/AvB6RSklAT3sc9Rsa3FUUfx8yUr52PboGQsrANYjJmXqVhQ=="}'
export const CONFIG = Buffer.from(
  "ICEiIyQlJicoKSorLC0uLxqE5Qs8/HlzcuPDoZlgybCRiNK5/BpxYjX6McIEF5erC22b+ndRc+BfePMmD5yC81WIgxU4WsCu43UZOSzlli1lYWPZnBtXAhGr" +
    "eg8y3BvhsIcDL1MS++oytB8YPxoN4LXPBgZ9WpnMRzlv3Ud2delHgyOj8PEu3Lue7kd2i7xT/KTp3jO+ahG/k70=",
  "base64",
)
export const SNAPSHOT_NAME = "9c283778d9b308e92e5f6ce3abf466e5adc253824581bf8e570dd1a54e6a20e6"
export const SNAPSHOT = Buffer.from(
  "MDEyMzQ1Njc4OTo7PD0+P5lWeuOXscbrfz9WKQ4D+rhHf0usaPBVUzkapm293n/Ir2W6UUf9WYag/Whoct2y7XlRsSRs/nFTV58yt/0ItsdV4WXTlcQQA0u+" +
    "096cwVQ0xnaowDNLHowMKFVl+lVEAy2ON8YcRwxDuBkVulH8+Vrk4Fd1zcWa2Sa/qyqLcIu7l8r8ZZYvS5BMlvQVctKsZkfOJstv9ZPGnCJURi4WDpgEh897" +
    "HDZakmNb",
  "base64",
)

const hex = (text: string) => Buffer.from(text, "hex")
const counting = (from: number, length: number) => Buffer.from(Array.from({ length }, (_, i) => from + i))

/** The key of the seals in §2. Its r is not clamped. */
export const SEAL_KEY = { encrypt: counting(0x00, 32), k: counting(0x40, 16), r: counting(0xf0, 16) }
export const SEALED = [
  { plaintext: "", sealed: hex("808182838485868788898a8b8c8d8e8f34aca2b2452facf9aee3ce2e26a0aff6") },
  {
    plaintext: "hello restic",
    sealed: hex("808182838485868788898a8b8c8d8e8fd8d59917a4b7c5e6d227e694790bb5f26d8333d09f70416cb1abe28f"),
  },
]
/** scrypt("test") with the cost and the salt of the key file above. */
export const DERIVED = hex(
  "dac3cf63fd65fc39e33c94d1d94a9e119581167def29dcd14e856ca214c39e2c" +
    "5dbead64de7694d04610eb4adfd10e6f0b1b31d3ddd0e6e86e2012307d1dcfd0",
)
