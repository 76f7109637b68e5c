/* Finds what the first word asks for: a role, or run, migrate, check-config. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cirtd/config.h"
#include "cirtd/role.h"
#include "cirtd/selfcheck.h"
#include "cirtd/supervise.h"
#include "store/db.h"
#include "store/schema.h"

enum { EXIT_USAGE = 2 };

struct arguments {
    const char *word, *config_path, *first_admin;
    int instance, config_fd;
};

static void usage(FILE *to)
{
    fputs("cirtd " CIRT_VERSION ": incident reports in, triaged cases in PostgreSQL\n\n"
          "  cirtd run -c FILE            every role, each a process of its own, restarted when it dies\n"
          "  cirtd migrate -c FILE        bring the database to this program's schema\n"
          "         [--first-admin LOGIN:KEY]   and register a first admin: KEY is the SHA-256 of the public key, hex\n"
          "  cirtd check-config -c FILE   read the configuration and say what is wrong with it\n"
          "  cirtd ROLE -c FILE [--instance N]   one role, as a service manager starts it:\n"
          "         ",
          to);
    for (size_t i = 0; i < role_count; i++)
        fprintf(to, "%s ", role_table[i].name);
    fputs("\n  cirtd --version\n", to);
}

static bool parse(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"instance", required_argument, NULL, 'i'},
        {"config-fd", required_argument, NULL, 'f'},
        {"first-admin", required_argument, NULL, 'a'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *arguments = (struct arguments){.instance = 1, .config_fd = -1};
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        int64_t number = 0;
        if ((option == 'i' || option == 'f') && !str_to_int64(optarg, 1, 1000, &number))
            return false;
        switch (option) {
        case 'c':
            arguments->config_path = optarg;
            break;
        case 'i':
            arguments->instance = (int)number;
            break;
        case 'f':
            arguments->config_fd = (int)number;
            break;
        case 'a':
            arguments->first_admin = optarg;
            break;
        case 'v':
            arguments->word = "version";
            return true;
        case 'h':
            arguments->word = "help";
            return true;
        default:
            return false;
        }
    }
    if (optind + 1 != argc)
        return false;
    arguments->word = argv[optind];
    return true;
}

static int fail(const char *what, const struct err *err)
{
    fprintf(stderr, "cirtd: %s: %s%s%s\n", what, err->at, err->at[0] ? ": " : "", err->text);
    return EXIT_FAILURE;
}

static bool add_first_admin(struct db *db, const char *login_and_key, struct err *err)
{
    const char *colon = strchr(login_and_key, ':');
    if (!colon || strlen(colon + 1) != 64)
        return err_set(err, ERR_INPUT, "--first-admin takes LOGIN:KEY, KEY being 64 hexadecimal digits");
    char *login = mem_printf("%.*s", (int)(colon - login_and_key), login_and_key);
    bool ok = schema_first_admin(db, login, colon + 1, err);
    free(login);
    return ok;
}

static int migrate(const struct arguments *arguments)
{
    struct err err;
    struct config *config = NULL;
    if (!config_load(arguments->config_path, CONFIG_DATABASE, &config, &err))
        return fail("migrate", &err);
    struct db_config db_config = {
        .host = config->database_host,
        .port = config->database_port,
        .name = config->database_name,
        .sslmode = config->database_sslmode,
        .role = "migrate",
        .user = "cirt_migrator",
        .statement_timeout_ms = 24 * 3600 * 1000,
    };
    struct schema_site site = {config->site_name, config->site_prefix, config->site_domain, config->site_zone};
    struct db *db = db_new(&db_config);
    int applied = 0;
    bool ok = db_ready(db, &err) && schema_migrate(db, &site, &applied, &err) &&
              (!arguments->first_admin || add_first_admin(db, arguments->first_admin, &err));
    if (ok)
        printf("schema %s: %d migrations applied\n", schema_version(), applied);
    db_free(db);
    config_free(config);
    return ok ? EXIT_SUCCESS : fail("migrate", &err);
}

static int check_config(const struct arguments *arguments)
{
    struct err err;
    struct config *config = NULL;
    if (!config_load(arguments->config_path, CONFIG_ALL, &config, &err))
        return fail("check-config", &err);
    printf("%s: in order: %s (%s)\n", arguments->config_path, config->site_name, config->site_prefix);
    config_free(config);
    return EXIT_SUCCESS;
}

static int run_role(const struct role *role, const struct arguments *arguments)
{
    struct err err;
    struct role_context context = {
        .role = role, .instance = arguments->instance, .config_fd = arguments->config_fd, .config_path = arguments->config_path};
    struct config *config = NULL;
    char *name = mem_printf(role->instances ? "%s/%d" : "%s", role->name, arguments->instance);
    log_open(name, LOG_LEVEL_INFO);
    bool ok = selfcheck_process(arguments->config_fd, &err) && role_reload(&context, &config, &err);
    if (ok) {
        log_open(name, config->log_level);
        context.config = config;
        ok = role->run(&context, &err);
    }
    if (!ok)
        log_error("role_refuses", "%s", log_err(&err));
    else
        log_info("role_stopped", "%s", "");
    config_free(config);
    free(name);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct err err;
    if (!parse(argc, argv, &arguments)) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (str_equal(arguments.word, "version")) {
        puts("cirtd " CIRT_VERSION);
        return EXIT_SUCCESS;
    }
    if (str_equal(arguments.word, "help")) {
        usage(stdout);
        return EXIT_SUCCESS;
    }
    const struct role *role = role_find(arguments.word);
    if (!arguments.config_path && (!role || arguments.config_fd < 0)) {
        fprintf(stderr, "cirtd: %s needs -c FILE\n", arguments.word);
        return EXIT_USAGE;
    }
    if (role)
        return run_role(role, &arguments);
    if (str_equal(arguments.word, "migrate"))
        return migrate(&arguments);
    if (str_equal(arguments.word, "check-config"))
        return check_config(&arguments);
    if (!str_equal(arguments.word, "run")) {
        usage(stderr);
        return EXIT_USAGE;
    }
    log_open("run", LOG_LEVEL_INFO);
    return supervise_run(arguments.config_path, &err) ? EXIT_SUCCESS : fail("run", &err);
}
