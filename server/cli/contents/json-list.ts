import type { Context } from "../context.js"

/** One JSON document with a list, written item by item: there may be millions. `more` is what stands behind the list. */
export async function printJsonList(
  name: string,
  items: AsyncIterable<object>,
  { out }: Context,
  more: () => Readonly<Record<string, unknown>> = () => ({}),
): Promise<void> {
  let isEmpty = true
  await out.bytes(`{${JSON.stringify(name)}: [`)
  for await (const item of items) {
    await out.bytes(`${isEmpty ? "" : ","}\n  ${JSON.stringify(item)}`)
    isEmpty = false
  }
  const rest = Object.entries(more()).map(
    ([key, value]) => `, ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  )
  await out.bytes(`${isEmpty ? "" : "\n"}]${rest.join("")}}\n`)
}
