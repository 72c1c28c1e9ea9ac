import type { Command, Option } from "commander"
import type { Context } from "./context.js"

const shells = ["bash", "zsh", "fish"] as const
type Shell = (typeof shells)[number]

export function completionCommand(program: Command, context: Context): void {
  program
    .command("completion")
    .argument("<shell>", `one of ${shells.join(", ")}`)
    .description("print a completion script, for example: source <(cistern completion bash)")
    .action((text: string, _options: unknown, command: Command) => {
      const shell = shells.find((known) => known === text)
      if (shell === undefined)
        command.error(`error: unknown shell ${JSON.stringify(text)}; use ${shells.join(", ")}`)
      else context.out.text(renderers[shell](wordsOf(program)))
    })
}

interface Words {
  /** "stores accept"; "" is the program itself. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly { readonly name: string; readonly description: string; readonly file: boolean }[]
  /** A path may follow. */
  readonly takesPath: boolean
}

/** What may follow each command, taken from the program itself. */
function wordsOf(command: Command, path: readonly string[] = []): Words[] {
  const help = command.createHelp()
  const commands = help.visibleCommands(command).filter((one) => one.name() !== "help")
  const options = help.visibleOptions(command).filter((option) => option.long !== undefined)
  return [
    {
      path: path.join(" "),
      commands: commands.map((one) => ({ name: one.name(), description: one.description() })),
      options: options.map((option) => ({
        name: option.long ?? "",
        description: option.description,
        file: takesFile(option),
      })),
      takesPath: command.registeredArguments.some((argument) => argument.name() === "path"),
    },
    ...commands.flatMap((one) => wordsOf(one, [...path, one.name()])),
  ]
}

function takesFile(option: Option): boolean {
  return /<(file|path)>/.test(option.flags)
}

const renderers: Record<Shell, (words: readonly Words[]) => string> = {
  bash: (words) => `# bash completion for cistern
_cistern() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
${cases(words, (path) => `      ${quoted(path)}) path=${quoted(path)} ;;`)}
    esac
  done
  case "$previous" in
    ${fileOptions(words).join(" | ")}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$path" in
${words.map((one) => `    ${quoted(one.path)}) COMPREPLY=($(compgen ${one.takesPath ? "-f " : ""}-W ${quoted(allWords(one))} -- "$current")) ;;`).join("\n")}
  esac
}
complete -o filenames -F _cistern cistern
`,
  zsh: (words) => `#compdef cistern
_cistern() {
  local path="" word
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${path:+$path }$word" in
${cases(words, (path) => `      ${quoted(path)}) path=${quoted(path)} ;;`)}
    esac
  done
  case "\${words[CURRENT-1]}" in
    ${fileOptions(words).join(" | ")}) _files; return ;;
  esac
  case "$path" in
${words.map((one) => `    ${quoted(one.path)}) candidates=(${described(one)})${one.takesPath ? "; _files" : ""} ;;`).join("\n")}
  esac
  _describe cistern candidates
}
if [ "$funcstack[1]" = "_cistern" ]; then _cistern "$@"; else compdef _cistern cistern; fi
`,
  fish: (words) =>
    [
      "# fish completion for cistern",
      "complete -c cistern -f",
      ...words.flatMap((one) => [
        ...one.commands.map(
          ({ name, description }) =>
            `complete -c cistern -n ${quoted(fishCondition(one))} -a ${quoted(name)} -d ${quoted(description)}`,
        ),
        ...(one.takesPath ? [`complete -c cistern -n ${quoted(fishCondition(one))} -F`] : []),
        ...one.options.map(
          ({ name, description, file }) =>
            `complete -c cistern -n ${quoted(fishCondition(one))} -l ${name.slice(2)}${file ? " -r -F" : ""} -d ${quoted(description)}`,
        ),
      ]),
      "",
    ].join("\n"),
}

function cases(words: readonly Words[], line: (path: string) => string): string {
  return words
    .filter(({ path }) => path !== "")
    .map(({ path }) => line(path))
    .join("\n")
}

function allWords({ commands, options }: Words): string {
  return [...commands, ...options].map(({ name }) => name).join(" ")
}

function described({ commands, options }: Words): string {
  return [...commands, ...options]
    .map(({ name, description }) => quoted(`${name}:${description.replaceAll(":", "\\:")}`))
    .join(" ")
}

function fileOptions(words: readonly Words[]): string[] {
  const long = words.flatMap(({ options }) => options.filter(({ file }) => file).map(({ name }) => name))
  return [...new Set(["-f", ...long])]
}

function fishCondition({ path, commands }: Words): string {
  if (path === "") return "__fish_use_subcommand"
  const seen = path
    .split(" ")
    .map((word) => `__fish_seen_subcommand_from ${word}`)
    .join("; and ")
  return commands.length === 0
    ? seen
    : `${seen}; and not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(" ")}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
