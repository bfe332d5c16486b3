/* SPDX-License-Identifier: Apache-2.0 */
/* completion.c - a completion script for bash, from the tool's own table. */

#include "clients/cli/dispatch.h"
#include "clients/commands/commands.h"

/** Words of one verb's options, "--lead --dry-run". */
static void options_print(const struct cli_verb *verb)
{
    for (const struct cli_option *option = verb->options; option != NULL && option->name != NULL;
         option++)
        printf(" --%s", option->name);
}

static void noun_print(const struct cli_noun *noun)
{
    if (noun->verbs[0].name[0] == '\0') {
        printf("    '%s ')\n        options+=\"", noun->name);
        options_print(&noun->verbs[0]);
        printf("\" ;;\n");
        return;
    }
    printf("    '%s ')\n        words='", noun->name);
    for (const struct cli_verb *verb = noun->verbs; verb->name != NULL; verb++)
        printf("%s%s", verb == noun->verbs ? "" : " ", verb->name);
    printf(" help' ;;\n");
    for (const struct cli_verb *verb = noun->verbs; verb->name != NULL; verb++) {
        printf("    '%s %s')\n        options+=\"", noun->name, verb->name);
        options_print(verb);
        printf("\" ;;\n");
    }
}

static int bash(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("# SPDX-License-Identifier: Apache-2.0\n"
         "# shellcheck shell=bash\n"
         "# Completion of commission(1); made by `commission completion bash`.\n"
         "_commission() {\n"
         "    local word noun='' verb='' words='' options='' value='' at\n"
         "    COMPREPLY=()\n"
         "    word=${COMP_WORDS[COMP_CWORD]}\n"
         "    for ((at = 1; at < COMP_CWORD; at++)); do\n"
         "        if [[ -n $value ]]; then\n"
         "            value=''\n"
         "        elif [[ ${COMP_WORDS[at]} == -c || ${COMP_WORDS[at]} == -o ||\n"
         "            ${COMP_WORDS[at]} == --context || ${COMP_WORDS[at]} == --output ||\n"
         "            ${COMP_WORDS[at]} == --timeout || ${COMP_WORDS[at]} == --endpoint ]]; then\n"
         "            value=${COMP_WORDS[at]}\n"
         "        elif [[ ${COMP_WORDS[at]} == -* ]]; then\n"
         "            continue\n"
         "        elif [[ -z $noun ]]; then\n"
         "            noun=${COMP_WORDS[at]}\n"
         "        elif [[ -z $verb ]]; then\n"
         "            verb=${COMP_WORDS[at]}\n"
         "        fi\n"
         "    done\n"
         "    case $value in\n"
         "    -o | --output)\n"
         "        mapfile -t COMPREPLY < <(compgen -W 'text wide json jsonl csv' -- \"$word\")\n"
         "        return ;;\n"
         "    --timeout | --endpoint)\n"
         "        return ;;\n"
         "    -c | --context)\n"
         "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
         "        return ;;\n"
         "    esac");
    printf("    options='");
    for (const struct cli_shared_option *option = cli_shared_options; option->name != NULL;
         option++)
        printf("%s--%s", option == cli_shared_options ? "" : " ", option->name);
    printf("'\n    case \"$noun $verb\" in\n    ' ')\n        words='help");
    for (uint32_t i = 0; cli->nouns[i] != NULL; i++)
        printf(" %s", cli->nouns[i]->name);
    puts("' ;;");
    for (uint32_t i = 0; cli->nouns[i] != NULL; i++)
        noun_print(cli->nouns[i]);
    puts("    esac\n"
         "    if [[ $word == -* ]]; then\n"
         "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
         "    elif [[ -n $words ]]; then\n"
         "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         "    else\n"
         "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
         "    fi\n"
         "}\n"
         "complete -o filenames -F _commission commission");
    return EXIT_DONE;
}

static const struct cli_verb verbs[] = {
    {
        .name = "bash",
        .arguments = "",
        .help = "Print a completion script for bash",
        .example = "source <(commission completion bash)",
        .run = bash,
    },
    {0},
};

const struct cli_noun noun_completion = {"completion", "Print a completion script for a shell",
                                         verbs};
