/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/dev_children.h"

#include "clients/cli/program.h"
#include "clients/commands/dev_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 6 /* the daemon and five workers */
#define CHILD_ARGUMENTS_MAX 8
#define BACKOFF_MS 200
#define BACKOFF_MS_MAX 10000
#define SETTLED_MS 10000 /* who has lived so long starts again at once when it ends */
#define END_MS 15000     /* then it is killed */

struct child {
    const char *name;
    char program[PROGRAM_PATH_SIZE];
    pid_t pid; /* 0: not running */
    int64_t started_ms;
    int64_t start_at_ms; /* not running: when to start it; 0: not at all */
    int64_t backoff_ms;
};

struct dev_children {
    struct cli *cli;
    char folder[DEV_PATH_SIZE];
    char conf[DEV_PATH_SIZE];
    char endpoint[DEV_PATH_SIZE + 32]; /* the workers' */
    struct child children[CHILDREN];   /* [0]: the daemon */
    int signals;
    bool stopped;    /* the daemon ended by itself, in order: someone wanted it so */
    sigset_t before; /* the signals that were blocked before us */
};

static const char *const names[CHILDREN] = {
    "commissiond",
    "commission-worker-needs-assessed",
    "commission-worker-priorities-set",
    "commission-worker-procurement",
    "commission-worker-contract-award",
    "commission-worker-review",
};

static int64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- one child ---------------------------------------------------------------------------- */

static void side_path(const struct dev_children *children, const struct child *child,
                      const char *folder, const char *ending, char ret[DEV_PATH_SIZE])
{
    char relative[96];
    (void)snprintf(relative, sizeof relative, "%s/%s.%s", folder, child->name, ending);
    dev_path(children->folder, relative, ret);
}

/** In the child: its output goes to its log, it ends with us, and it is the program. Does not return. */
static void become(const struct dev_children *children, const struct child *child,
                   const char *const *arguments, int log, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_FAILED); /* the parent was gone before that */
    (void)setpgid(0, 0);    /* Ctrl-C is the parent's; it ends us in order */
    (void)sigprocmask(SIG_SETMASK, &children->before, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, STDIN_FILENO);
    (void)dup2(log, STDOUT_FILENO);
    (void)dup2(log, STDERR_FILENO);
    execv(child->program, (char *const *)(uintptr_t)arguments);
    dprintf(STDERR_FILENO, "%s: %s\n", child->program, strerror(errno));
    _exit(EXIT_FAILED);
}

static void pid_write(const struct dev_children *children, const struct child *child)
{
    char path[DEV_PATH_SIZE];
    char partial[DEV_PATH_SIZE];
    side_path(children, child, "run", "pid", path);
    side_path(children, child, "run", "pid.new", partial);
    FILE *file = fopen(partial, "we");
    if (file == NULL)
        return;
    (void)fprintf(file, "%ld\n", (long)child->pid);
    if (fclose(file) == 0)
        (void)rename(partial, path);
}

static int child_start(struct dev_children *children, struct child *child)
{
    char path[DEV_PATH_SIZE];
    bool daemon = child == &children->children[0];
    const char *const daemon_arguments[CHILD_ARGUMENTS_MAX] = {child->program, "-c",
                                                               children->conf};
    const char *const worker_arguments[CHILD_ARGUMENTS_MAX] = {
        child->program, "-e", children->endpoint, "-n", child->name + strlen("commission-worker-")};

    side_path(children, child, "log", "log", path);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return cli_fail(children->cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
    pid_t parent = getpid();
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        become(children, child, daemon ? daemon_arguments : worker_arguments, log, parent);
    close(log);
    if (pid < 0)
        return cli_fail(children->cli, EXIT_FAILED, "%s cannot be started: %s", child->name,
                        strerror(errno));
    child->pid = pid;
    child->started_ms = now_ms();
    child->start_at_ms = 0;
    pid_write(children, child);
    return 0;
}

/** @child has ended as @status says. */
static void child_ended(struct dev_children *children, struct child *child, int status)
{
    char path[DEV_PATH_SIZE];
    side_path(children, child, "run", "pid", path);
    (void)unlink(path);
    if (child == &children->children[0] && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        cli_say(children->cli, "the daemon (process %ld) was stopped on demand", (long)child->pid);
        children->stopped = true;
        child->pid = 0;
        child->start_at_ms = 0;
        return;
    }
    int64_t now = now_ms();
    bool settled = now - child->started_ms >= SETTLED_MS;
    child->backoff_ms = settled || child->backoff_ms == 0 ? BACKOFF_MS : 2 * child->backoff_ms;
    if (child->backoff_ms > BACKOFF_MS_MAX)
        child->backoff_ms = BACKOFF_MS_MAX;
    child->start_at_ms = now + child->backoff_ms;
    if (WIFSIGNALED(status))
        cli_say(children->cli, "%s (process %ld) was ended by signal %d; again in %lld ms",
                child->name, (long)child->pid, WTERMSIG(status), (long long)child->backoff_ms);
    else
        cli_say(children->cli,
                "%s (process %ld) ended with %d, see %s/log/%s.log; again in %lld ms", child->name,
                (long)child->pid, WEXITSTATUS(status), children->folder, child->name,
                (long long)child->backoff_ms);
    child->pid = 0;
}

static void reap(struct dev_children *children)
{
    for (size_t i = 0; i < CHILDREN; i++) {
        struct child *child = &children->children[i];
        int status;
        if (child->pid != 0 && waitpid(child->pid, &status, WNOHANG) == child->pid)
            child_ended(children, child, status);
    }
}

/* ---- all ---------------------------------------------------------------------------------- */

int dev_children_new(struct dev_children **ret, struct cli *cli, const char *folder)
{
    struct dev_children *children = calloc(1, sizeof *children);
    CHECK(children != NULL);
    children->cli = cli;
    children->signals = -1;
    (void)snprintf(children->folder, sizeof children->folder, "%s", folder);
    dev_path(folder, "commissiond.conf", children->conf);
    (void)snprintf(children->endpoint, sizeof children->endpoint, "ipc://%s/run/workers.sock",
                   folder);
    for (size_t i = 0; i < CHILDREN; i++) {
        children->children[i].name = names[i];
        if (!program_find(names[i], children->children[i].program)) {
            free(children);
            return cli_fail(cli, EXIT_FAILED, "%s is neither beside this tool nor in PATH",
                            names[i]);
        }
    }

    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGHUP);
    CHECK(sigprocmask(SIG_BLOCK, &wanted, &children->before) == 0);
    children->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children->signals < 0) {
        free(children);
        return cli_fail(cli, EXIT_FAILED, "signalfd: %s", strerror(errno));
    }
    *ret = children;
    return 0;
}

/** Ask the children @from to @to - 1 to end, wait for them, and kill those that do not. */
static void end(struct dev_children *children, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (children->children[i].pid != 0)
            (void)kill(children->children[i].pid, SIGTERM);
    }
    int64_t until = now_ms() + END_MS;
    for (size_t i = from; i < to; i++) {
        struct child *child = &children->children[i];
        char path[DEV_PATH_SIZE];
        while (child->pid != 0 && waitpid(child->pid, NULL, WNOHANG) == 0) {
            struct pollfd signals = {.fd = children->signals, .events = POLLIN};
            struct signalfd_siginfo info;
            if (now_ms() >= until) {
                cli_say(children->cli, "%s does not end and is killed", child->name);
                (void)kill(child->pid, SIGKILL);
                (void)waitpid(child->pid, NULL, 0);
                break;
            }
            (void)poll(&signals, 1, 50); /* SIGCHLD wakes it */
            if (read(children->signals, &info, sizeof info) < 0)
                continue; /* nobody ended: look at the clock again */
        }
        child->pid = 0;
        side_path(children, child, "run", "pid", path);
        (void)unlink(path);
    }
}

struct dev_children *dev_children_free(struct dev_children *children)
{
    if (children == NULL)
        return NULL;
    end(children, 1, CHILDREN);
    end(children, 0, 1);
    close(children->signals);
    (void)sigprocmask(SIG_SETMASK, &children->before, NULL);
    free(children);
    return NULL;
}

int dev_children_start_daemon(struct dev_children *children)
{
    return child_start(children, &children->children[0]);
}

bool dev_children_daemon_runs(struct dev_children *children)
{
    reap(children);
    return children->children[0].pid != 0;
}

int dev_children_start_workers(struct dev_children *children)
{
    for (size_t i = 1; i < CHILDREN; i++) {
        int failed = child_start(children, &children->children[i]);
        if (failed != 0)
            return failed;
    }
    return 0;
}

/** Start those whose time has come. Returns milliseconds until the next one's; -1: none waits. */
static int start_due(struct dev_children *children)
{
    int64_t now = now_ms();
    int64_t next = -1;
    for (size_t i = 0; i < CHILDREN; i++) {
        struct child *child = &children->children[i];
        if (child->pid != 0 || child->start_at_ms == 0)
            continue;
        if (child->start_at_ms <= now) {
            if (child_start(children, child) == 0)
                cli_say(children->cli, "%s runs again (process %ld)", child->name,
                        (long)child->pid);
            else
                child->start_at_ms = now + BACKOFF_MS_MAX;
        }
        if (child->pid == 0 && (next < 0 || child->start_at_ms - now < next))
            next = child->start_at_ms - now;
    }
    return (int)next;
}

int dev_children_keep(struct dev_children *children)
{
    bool wanted = true;
    while (wanted) {
        struct pollfd signals = {.fd = children->signals, .events = POLLIN};
        struct signalfd_siginfo info;
        reap(children);
        if (children->stopped)
            return 0;
        if (poll(&signals, 1, start_due(children)) < 0 && errno != EINTR)
            return cli_fail(children->cli, EXIT_FAILED, "poll: %s", strerror(errno));
        while (read(children->signals, &info, sizeof info) == (ssize_t)sizeof info)
            wanted = wanted && info.ssi_signo == SIGCHLD;
    }
    return 0;
}
