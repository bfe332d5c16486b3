/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/dev_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK ".commission-dev" /* the folder is an instance of ours */
#define SOCKET_PATH_MAX 107    /* sun_path, less the NUL */
#define OVERFLOW_UID 65534     /* nobody in particular: the daemon does not take it */

static const struct dev_party parties[] = {
    {"operator", "OPS", "OPERATOR", NULL},
    {"nhse", "X24", "NHSE", "[\"SUBMIT\", \"DECIDE\", \"READ\"]"},
    {"02E", "02E", "CCG", "[\"SUBMIT\", \"DECIDE\", \"READ\"]"},
    {"01F", "01F", "CCG", "[\"SUBMIT\", \"DECIDE\", \"READ\"]"},
    {"01J", "01J", "CCG", "[\"SUBMIT\", \"DECIDE\", \"READ\"]"},
    {"01T", "01T", "CCG", "[\"SUBMIT\", \"DECIDE\", \"READ\"]"},
    {"01X", "01X", "CCG", "[\"SUBMIT\", \"DECIDE\", \"READ\"]"},
    {"0CE", "0CE", "CSU", "[\"SUBMIT\", \"READ\"]"},
    {"QYG", "QYG", "ICB", "[\"SUBMIT\", \"DECIDE\", \"READ\"]"},
};

const struct dev_party *dev_parties(uint32_t *ret_count)
{
    *ret_count = ARRAY_LEN(parties);
    return parties;
}

void dev_path(const char *folder, const char *name, char ret[DEV_PATH_SIZE])
{
    int len = snprintf(ret, DEV_PATH_SIZE, "%s/%s", folder, name);
    CHECK(len > 0 && len < DEV_PATH_SIZE);
}

void dev_context_path(const char *folder, const struct dev_party *party, char ret[DEV_PATH_SIZE])
{
    dev_path(folder, party->context, ret);
}

/** DIR/keys/02E.key */
static void key_path(const char *folder, const char *name, char ret[DEV_PATH_SIZE])
{
    char relative[64];
    (void)snprintf(relative, sizeof relative, "keys/%s.key", name);
    dev_path(folder, relative, ret);
}

int dev_public_key(struct cli *cli, const char *folder, const struct dev_party *party,
                   struct key *ret)
{
    char path[DEV_PATH_SIZE];
    key_path(folder, party->context, path);
    enum status status = commission_key_read(path, ret, NULL);
    if (status != STATUS_OK)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", path, status_text(status));
    return 0;
}

/* ---- the folder itself -------------------------------------------------------------------- */

static bool folder_empty(const char *folder)
{
    DIR *dir = opendir(folder);
    bool empty = true;
    if (dir == NULL)
        return false;
    for (struct dirent *entry = readdir(dir); entry != NULL && empty; entry = readdir(dir))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

/** The folder is there, ours, and has an absolute path that can be written into the files and used for sockets. */
static int folder_make(struct cli *cli, const char *wanted, char ret[DEV_PATH_SIZE])
{
    char absolute[PATH_MAX];
    char path[DEV_PATH_SIZE];
    struct stat about;

    if (mkdir(wanted, 0700) != 0 && errno != EEXIST)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", wanted, strerror(errno));
    if (stat(wanted, &about) != 0 || realpath(wanted, absolute) == NULL)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", wanted, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return cli_fail(cli, EXIT_FAILED, "%s is not a folder", wanted);
    if (about.st_uid != geteuid())
        return cli_fail(cli, EXIT_FAILED, "%s belongs to another user", wanted);
    if (strlen(absolute) + strlen("/run/workers.sock") > SOCKET_PATH_MAX)
        return cli_fail(cli, EXIT_FAILED,
                        "%s is too long a path: a socket in it has at most %d characters", absolute,
                        SOCKET_PATH_MAX);
    if (strpbrk(absolute, "'\\\n") != NULL)
        return cli_fail(cli, EXIT_FAILED, "%s: a path without ' and \\ is wanted", absolute);

    dev_path(absolute, MARK, path);
    bool marked = access(path, F_OK) == 0;
    if (!marked && !folder_empty(absolute))
        return cli_fail(cli, EXIT_FAILED,
                        "%s is not empty and no instance of `commission dev`; name a new folder",
                        wanted);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
    /* The lock goes with the process: the descriptor stays open until then. */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return cli_fail(cli, EXIT_FAILED, "%s: another `commission dev` is running in it", wanted);
    }
    if (chmod(absolute, 0700) != 0)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", absolute, strerror(errno));
    (void)snprintf(ret, DEV_PATH_SIZE, "%s", absolute);
    return 0;
}

static int subfolders_make(struct cli *cli, const char *folder)
{
    static const char *const names[] = {"keys", "run", "log", "state"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[DEV_PATH_SIZE];
        dev_path(folder, names[i], path);
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
    }
    return 0;
}

/* ---- keys, contexts, configuration -------------------------------------------------------- */

/** The key pair in @path is made unless it is there. */
static int key_make(struct cli *cli, const char *path)
{
    struct key public_key;
    uint8_t secret[KEY_BYTES];
    if (access(path, F_OK) == 0)
        return 0;
    enum status status = commission_key_new(&public_key, secret);
    if (status == STATUS_OK)
        status = commission_key_write(path, public_key, secret);
    explicit_bzero(secret, sizeof secret);
    if (status != STATUS_OK)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", path, status_text(status));
    return 0;
}

/** The server's public key for the contexts; what is not the secret key's is replaced. */
static int server_key_make(struct cli *cli, const char *folder)
{
    char path[DEV_PATH_SIZE];
    char public_path[DEV_PATH_SIZE];
    struct key public_key;
    struct key known;
    key_path(folder, "server", path);
    dev_path(folder, "keys/server.pub", public_path);
    int failed = key_make(cli, path);
    if (failed != 0)
        return failed;
    enum status status = commission_key_read(path, &public_key, NULL);
    if (status == STATUS_OK && commission_key_read(public_path, &known, NULL) == STATUS_OK &&
        memcmp(&known, &public_key, sizeof known) == 0)
        return 0;
    if (status == STATUS_OK) {
        (void)unlink(public_path);
        status = commission_key_write(public_path, public_key, NULL);
    }
    if (status != STATUS_OK)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", path, status_text(status));
    return 0;
}

static int contexts_write(struct cli *cli, const char *folder)
{
    char endpoint[DEV_PATH_SIZE + 32];
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s/run/clients.sock", folder);
    for (size_t i = 0; i < ARRAY_LEN(parties); i++) {
        char path[DEV_PATH_SIZE];
        char relative[64];
        key_path(folder, parties[i].context, path);
        int failed = key_make(cli, path);
        if (failed != 0)
            return failed;
        (void)snprintf(relative, sizeof relative, "keys/%s.key", parties[i].context);
        dev_context_path(folder, &parties[i], path);
        if (context_write(path, endpoint, "keys/server.pub", relative, parties[i].ods) != STATUS_OK)
            return cli_fail(cli, EXIT_FAILED, "%s cannot be written", path);
    }
    return 0;
}

/** commissiond.conf(5), for this folder and this user. */
static int configuration_write(struct cli *cli, const char *folder, uint16_t tcp_port)
{
    char path[DEV_PATH_SIZE];
    char operator_key[COMMISSION_KEY_TEXT_SIZE];
    char tcp[48] = "";
    struct key key;
    int failed = dev_public_key(cli, folder, &parties[0], &key);
    if (failed != 0)
        return failed;
    if (geteuid() == OVERFLOW_UID)
        return cli_fail(cli, EXIT_FAILED, "user %d is nobody in particular: run it as another user",
                        OVERFLOW_UID);
    commission_key_print(key, operator_key);
    if (tcp_port != 0)
        (void)snprintf(tcp, sizeof tcp, ", 'tcp://127.0.0.1:%u'", (unsigned)tcp_port);

    dev_path(folder, "commissiond.conf", path);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
    bool written =
        fprintf(file,
                "# Written by `commission dev` at each start.\n"
                "state_dir = '%s/state'\n"
                "clients_endpoints = {'ipc://%s/run/clients.sock'%s}\n"
                "workers_endpoints = {'ipc://%s/run/workers.sock'}\n"
                "workers_user = '%u'\n"
                "server_key_file = '%s/keys/server.key'\n"
                "operator_public_key = '%s'\n"
                "map_bytes = 1073741824\n"
                "segment_bytes = 16777216\n"
                "drain_ms = 2000\n"
                "log_level = 'notice'\n",
                folder, folder, tcp, folder, (unsigned)geteuid(), folder, operator_key) > 0;
    if (fclose(file) != 0 || !written)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
    return 0;
}

int dev_folder_open(struct cli *cli, const char *wanted, uint16_t tcp_port,
                    char ret_folder[DEV_PATH_SIZE])
{
    mode_t mask = umask(0077);
    int failed = folder_make(cli, wanted, ret_folder);
    if (failed == 0)
        failed = subfolders_make(cli, ret_folder);
    if (failed == 0)
        failed = server_key_make(cli, ret_folder);
    if (failed == 0)
        failed = contexts_write(cli, ret_folder);
    if (failed == 0)
        failed = configuration_write(cli, ret_folder, tcp_port);
    umask(mask);
    return failed;
}
