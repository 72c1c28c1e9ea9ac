import { execFileSync } from "node:child_process"
import { cpSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { compiled } from "../../support/compiled.js"
import { scratch } from "../../support/fixtures.js"
import { productionPackages, standInForVitest } from "../nfs-guest/tree.js"

const root = join(import.meta.dirname, "../../..")

/** What the guest runs: storage/ and the built daemon with their packages, this Node, and the program of the scenarios. */
export function quotaTree(): string {
  const tree = scratch()
  const app = join(tree, "app")
  // Built anew, so that a build that somebody runs at this moment does no harm.
  execFileSync(process.execPath, [join(root, "scripts/build.mjs"), join(app, "dist")])
  const code = compiled("storage", "test/e2e/quota-guest", "test/e2e/nfs-guest", "test/support")
  for (const folder of ["storage", "test"]) cpSync(join(code, folder), join(app, folder), { recursive: true })
  cpSync(join(root, "package.json"), join(app, "package.json"))
  for (const folder of productionPackages())
    cpSync(join(root, folder), join(app, folder), { recursive: true })
  standInForVitest(join(app, "node_modules/vitest"))
  cpSync(process.execPath, join(tree, "node"), { dereference: true })
  writeFileSync(join(tree, "main"), MAIN, { mode: 0o755 })
  return tree
}

/** The filesystems of the scenarios: with project quotas, without, and with quotas that are only counted. */
const MAIN = `#!/bin/sh
set -e
for module in loop xfs ext4 quota_v2; do modprobe $module; done
mkdir /images
mount -t tmpfs tmpfs /images
image() { truncate -s 400M /images/$1; shift; "$@"; }
image xfs mkfs.xfs -q /images/xfs
image ext4 mkfs.ext4 -q -O project,quota /images/ext4
image xfs-plain mkfs.xfs -q /images/xfs-plain
image ext4-plain mkfs.ext4 -q /images/ext4-plain
image xfs-counting mkfs.xfs -q /images/xfs-counting
mkdir -p "/mnt/xfs quotas" /mnt/ext4 /mnt/xfs-plain /mnt/ext4-plain /mnt/xfs-counting
mount -o loop,prjquota /images/xfs "/mnt/xfs quotas"
mount -o loop,prjquota /images/ext4 /mnt/ext4
mount -o loop /images/xfs-plain /mnt/xfs-plain
mount -o loop /images/ext4-plain /mnt/ext4-plain
mount -o loop,pqnoenforce /images/xfs-counting /mnt/xfs-counting
chmod 755 /tree /tree/app
mkdir /state
mount -t tmpfs tmpfs /state
ln -sf /tree/node /usr/bin/node
# The firmware does not end its last line.
echo
exec /tree/node /tree/app/test/e2e/quota-guest/main.js
`
