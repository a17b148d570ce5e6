# SPDX-License-Identifier: Apache-2.0
"""Real shells, in which a line is typed and completed."""

import os
import pty
import re
import select
import signal
import subprocess
import time

PATIENCE = 60  # seconds; a limit, never a wait
SHOWS_LINE = b"\x18"  # ^X


class Terminal:
    """An interactive shell on a terminal of its own. Its settings must have ^X print {{{LINE}}} with the line as it
    stands, and empty it."""

    def __init__(self, command, environment):
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            os.execvpe(command[0], command, environment)

    def close(self):
        os.close(self._master)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def completed(self, line):
        os.write(self._master, line.encode() + b"\t" + SHOWS_LINE)
        seen = b""
        end = time.monotonic() + PATIENCE
        while not (match := re.search(rb"\{\{\{(.*?)\}\}\}", seen, re.DOTALL)):
            if not select.select([self._master], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no answer to '{line}', but {seen!r}")
            seen += os.read(self._master, 4096)
        return match.group(1).decode()


def _environment(folder):
    return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": folder, "ZDOTDIR": folder, "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def _write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def _parses(command, folder):
    done = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, timeout=PATIENCE)
    return done.returncode == 0 and not done.stderr


class _WithTerminal:
    def __init__(self, folder, script):
        _write(folder, "completion", script)
        self._folder = folder
        self.parses = _parses([self.name, "-n", "completion"], folder)
        _write(folder, self.settings, self.text)
        self._terminal = Terminal(self.command(folder), _environment(folder))

    def completed(self, line):
        return self._terminal.completed(line)

    def close(self):
        self._terminal.close()


class Bash(_WithTerminal):
    name = "bash"
    settings = "settings.bash"
    text = """cd ~; source completion
        show() { printf '{{{%s}}}' "$READLINE_LINE"; READLINE_LINE=; }
        bind -x '"\\C-x": show'
        """

    @staticmethod
    def command(folder):
        return ["bash", "--noprofile", "--rcfile", os.path.join(folder, "settings.bash"), "-i"]


class Zsh(_WithTerminal):
    name = "zsh"
    settings = ".zshrc"
    text = """cd ~; unsetopt zle_bracketed_paste global_rcs; setopt no_list_beep no_auto_menu no_always_last_prompt
        autoload -Uz compinit && compinit -u -D && source ~/completion
        show() { print -rn -- "{{{$BUFFER}}}"; BUFFER=; }
        zle -N show; bindkey '^X' show
        """

    @staticmethod
    def command(_folder):
        return ["zsh", "-d", "-i"]


class Fish:
    """It tells what it would complete without a terminal."""

    name = "fish"

    def __init__(self, folder, script):
        _write(folder, "completion", script)
        self._folder = folder
        self.parses = _parses(["fish", "--no-config", "--no-execute", "completion"], folder)

    def completed(self, line):
        done = subprocess.run(
            ["fish", "--no-config", "-c", "source completion; complete -C $argv[1]", line],
            cwd=self._folder, env=_environment(self._folder), capture_output=True, text=True, timeout=PATIENCE)
        candidates = {each.split("\t")[0] for each in done.stdout.splitlines()}
        if len(candidates) != 1:
            return line
        return line[: line.rfind(" ") + 1] + candidates.pop()

    def close(self):
        pass


SHELLS = {shell.name: shell for shell in (Bash, Zsh, Fish)}
