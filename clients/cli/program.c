/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/cli/program.h"

#include <string.h>
#include <unistd.h>

static bool is_program(const char *folder, int folder_len, const char *between, const char *name,
                       char ret[PROGRAM_PATH_SIZE])
{
    int len = snprintf(ret, PROGRAM_PATH_SIZE, "%.*s/%s%s", folder_len, folder, between, name);
    return len > 0 && len < PROGRAM_PATH_SIZE && access(ret, X_OK) == 0;
}

bool program_find(const char *name, char ret[PROGRAM_PATH_SIZE])
{
    char self[PROGRAM_PATH_SIZE];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len > 0) {
        self[len] = '\0';
        char *slash = strrchr(self, '/');
        int folder_len = slash != NULL ? (int)(slash - self) : 0;
        if (is_program(self, folder_len, "", name, ret) ||
            is_program(self, folder_len, "../sbin/", name, ret))
            return true;
    }
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        size_t folder_len = strcspn(path, ":");
        if (folder_len > 0 && is_program(path, (int)folder_len, "", name, ret))
            return true;
        path += folder_len + (path[folder_len] == ':');
    }
    return false;
}
