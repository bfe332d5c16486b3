/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 20000
#define END_MS 30000
#define WORDS_MAX 12
#define NOTICE_BYTES 4096

static const char *const stages[INSTANCE_WORKERS] = {
    "needs-assessed", "priorities-set", "procurement", "contract-award", "review",
};

static void path_in(const struct instance *instance, const char *name, char *ret, size_t size)
{
    int len = snprintf(ret, size, "%s/%s", instance->folder, name);
    CHECK(len > 0 && (size_t)len < size);
}

void instance_configure(struct instance *instance, const char *more)
{
    char operator_text[41];
    key_text(instance->first.public_key, operator_text);
    FILE *file = fopen(instance->config, "we");
    CHECK(file != NULL);
    fprintf(file,
            "state_dir = \"%s/state\"\n"
            "clients_endpoints = {\"%s\"}\n"
            "workers_endpoints = {\"%s\"}\n"
            "workers_user = \"%u\"\n"
            "server_key_file = \"%s/server.key\"\n"
            "operator_public_key = '%s'\n"
            "%s\n",
            instance->folder, instance->clients, instance->workers, (unsigned)geteuid(),
            instance->folder, operator_text, more != NULL ? more : "");
    fclose(file);
}

static int notify_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

void instance_make(struct instance *instance, const char *bin, const char *more)
{
    *instance = (struct instance){.notify_fd = -1};
    const char *build = getenv("COMMISSION_BINARY_DIR");
    if (bin != NULL)
        snprintf(instance->bin, sizeof instance->bin, "%s", bin);
    else
        snprintf(instance->bin, sizeof instance->bin, "%s/bin", build != NULL ? build : ".");
    place_make(instance->folder);
    path_in(instance, "commissiond.conf", instance->config, sizeof instance->config);
    path_in(instance, "log", instance->log, sizeof instance->log);
    snprintf(instance->clients, sizeof instance->clients, "ipc://%s/c.sock", instance->folder);
    snprintf(instance->workers, sizeof instance->workers, "ipc://%s/w.sock", instance->folder);

    char path[INSTANCE_PATH_SIZE];
    instance->server = pair_new();
    path_in(instance, "server.key", path, sizeof path);
    pair_write(&instance->server, path);
    instance->first = pair_new();
    path_in(instance, "operator.key", path, sizeof path);
    pair_write(&instance->first, path);
    path_in(instance, "notify", path, sizeof path);
    instance->notify_fd = notify_open(path);
    instance_configure(instance, more);
}

static void end_one(pid_t *pid)
{
    if (*pid > 0) {
        (void)kill(*pid, SIGKILL);
        (void)waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

void instance_end(struct instance *instance)
{
    for (int i = 0; i < INSTANCE_WORKERS; i++)
        end_one(&instance->worker[i]);
    end_one(&instance->daemon);
    if (instance->notify_fd >= 0)
        close(instance->notify_fd);
    instance->notify_fd = -1;
    place_remove(instance->folder);
}

/** What is started ends with us, whatever happens to us. */
static pid_t spawn(struct instance *instance, const char *program, const char *const *arguments,
                   const char *log)
{
    char path[640];
    char notify[INSTANCE_PATH_SIZE];
    char *argv[WORDS_MAX + 2] = {path};
    snprintf(path, sizeof path, "%s/%s", instance->bin, program);
    path_in(instance, "notify", notify, sizeof notify);
    for (int i = 0; arguments[i] != NULL; i++) {
        CHECK(i < WORDS_MAX);
        argv[i + 1] = strdup(arguments[i]);
    }

    pid_t parent = getpid();
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || fd < 0 ||
            dup2(fd, STDERR_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
            _exit(126);
        setenv("NOTIFY_SOCKET", notify, 1);
        execv(path, argv);
        _exit(127);
    }
    for (int i = 1; argv[i] != NULL; i++)
        free(argv[i]);
    return pid;
}

pid_t instance_spawn(struct instance *instance, const char *const *arguments)
{
    return spawn(instance, "commissiond", arguments, instance->log);
}

bool instance_start(struct instance *instance)
{
    const char *const arguments[] = {"-c", instance->config, NULL};
    instance->daemon = instance_spawn(instance, arguments);
    return instance_noticed(instance, "READY=1", READY_MS);
}

void instance_start_workers(struct instance *instance, uint32_t capacity)
{
    char capacity_text[12];
    snprintf(capacity_text, sizeof capacity_text, "%u", capacity);
    for (int i = 0; i < INSTANCE_WORKERS; i++) {
        if (instance->worker[i] != 0)
            continue;
        const char *const arguments[] = {"-e", instance->workers, "-c", capacity_text, NULL};
        instance_spawn_worker(instance, i, arguments);
    }
}

void instance_spawn_worker(struct instance *instance, int index, const char *const *arguments)
{
    char log[INSTANCE_PATH_SIZE];
    char program[64];
    path_in(instance, "workers.log", log, sizeof log);
    snprintf(program, sizeof program, "commission-worker-%s", stages[index]);
    instance->worker[index] = spawn(instance, program, arguments, log);
}

/** Has it ended? Also true when it never ran. */
static bool ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

bool instance_noticed(struct instance *instance, const char *text, int timeout_ms)
{
    char notice[NOTICE_BYTES];
    int pid_fd = (int)syscall(SYS_pidfd_open, instance->daemon, 0);
    bool found = false;
    bool over = false;
    while (!found && !over) {
        struct pollfd items[] = {{.fd = instance->notify_fd, .events = POLLIN},
                                 {.fd = pid_fd, .events = POLLIN}};
        int ready = poll(items, pid_fd >= 0 ? 2 : 1, timeout_ms);
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t len = recv(instance->notify_fd, notice, sizeof notice - 1, MSG_DONTWAIT);
        if (len >= 0) {
            notice[len] = '\0';
            found = strstr(notice, text) != NULL;
        }
        over = ready <= 0 || (len < 0 && ended(instance->daemon));
    }
    if (pid_fd >= 0)
        close(pid_fd);
    return found;
}

int instance_wait(pid_t pid)
{
    int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pid_fd >= 0) {
        struct pollfd item = {.fd = pid_fd, .events = POLLIN};
        int ready = 0;
        do {
            ready = poll(&item, 1, END_MS);
        } while (ready < 0 && errno == EINTR);
        close(pid_fd);
        if (ready <= 0)
            return -1;
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int instance_stop(struct instance *instance, int signal)
{
    CHECK(instance->daemon > 0);
    (void)kill(instance->daemon, signal);
    int status = instance_wait(instance->daemon);
    if (status >= 0)
        instance->daemon = 0;
    return status;
}

bool instance_logged(const struct instance *instance, const char *text)
{
    FILE *file = fopen(instance->log, "re");
    if (file == NULL)
        return false;
    char line[2048];
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, text) != NULL;
    fclose(file);
    return found;
}
