export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

export type Shell = (typeof SHELLS)[number];

/**
 * What a shell has to load. Each script hands the line up to the cursor over and gets a candidate a line,
 * with a description behind a tab. Where there is none, the shell completes file names.
 */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  // @ = and : end a word for bash, so it completes what follows them. It runs from bash 3.2 on.
  bash: `# dockform completion for bash
_dockform() {
    local line=\${COMP_LINE:0:COMP_POINT} word prefix= value
    word=\${line##*[[:space:]]}
    case $word in
        *[@:=]*) prefix=\${word%"\${word##*[@:=]}"} ;;
    esac
    COMPREPLY=()
    while IFS=$'\\t' read -r value _; do
        COMPREPLY+=("\${value#"$prefix"}")
    done < <(dockform __complete -- "$line" 2>/dev/null)
}
complete -o bashdefault -o default -F _dockform dockform
`,
  zsh: `#compdef dockform
# dockform completion for zsh
_dockform() {
    local value description
    local -a values shown
    while IFS=$'\\t' read -r value description; do
        values+=("$value")
        shown+=("$value\${description:+  -- $description}")
    done < <(dockform __complete -- "\${(j: :)words[1,CURRENT]}" 2>/dev/null)
    if (( $#values )); then
        compadd -l -d shown -a values
    else
        _files
    fi
}
if [[ $funcstack[1] == _dockform ]]; then
    _dockform
else
    compdef _dockform dockform
fi
`,
  fish: `# dockform completion for fish
function __dockform_complete
    set -l found (dockform __complete -- (commandline -cp | string collect) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c dockform -f -a '(__dockform_complete)'
`,
  powershell: `# dockform completion for PowerShell
Register-ArgumentCompleter -Native -CommandName dockform -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $line = $commandAst.ToString()
    if ($cursorPosition -lt $line.Length) { $line = $line.Substring(0, $cursorPosition) }
    elseif ($cursorPosition -gt $line.Length) { $line += ' ' }
    dockform __complete -- $line 2>$null | ForEach-Object {
        $value, $description = $_ -split "\`t", 2
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
    }
}
`,
};

/** How to load it, for the command's help. */
export const LOADING: readonly string[] = [
  "bash:",
  "  echo 'source <(dockform completion bash)' >> ~/.bashrc",
  "zsh, after compinit:",
  "  echo 'source <(dockform completion zsh)' >> ~/.zshrc",
  "fish:",
  "  dockform completion fish > ~/.config/fish/completions/dockform.fish",
  "PowerShell:",
  "  dockform completion powershell >> $PROFILE",
];
