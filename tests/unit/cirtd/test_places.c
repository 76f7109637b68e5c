/* Look-ups in MaxMind DB files, which are written here: as their format's description says (version 2.0). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "cirtd/places.h"

/* Control bytes: type and size; sizes from 29 on and types above 7 have a second byte. */
static void add_text(struct buf *out, const char *text)
{
    int size = (int)strlen(text);
    buf_add_char(out, (char)(2 << 5 | (size < 29 ? size : 29)));
    if (size >= 29)
        buf_add_char(out, (char)(size - 29));
    buf_add_text(out, text);
}

static void add_number(struct buf *out, int type, uint64_t value, int size)
{
    buf_add_char(out, (char)(type > 7 ? size : type << 5 | size));
    if (type > 7)
        buf_add_char(out, (char)(type - 7));
    for (int i = size - 1; i >= 0; i--)
        buf_add_char(out, (char)(value >> (8 * i)));
}

static void add_map(struct buf *out, int count)
{
    buf_add_char(out, (char)(7 << 5 | count));
}

/* A tree for one prefix: a node a bit; the other side of each leads nowhere, the last side to the data at offset 0. */
static void add_tree(struct buf *out, const unsigned char *prefix, unsigned length)
{
    for (unsigned i = 0; i < length; i++) {
        unsigned next = i + 1 < length ? i + 1 : length + 16, one = prefix[i / 8] >> (7 - i % 8) & 1;
        for (unsigned side = 0; side < 2; side++) {
            unsigned record = side == one ? next : length;
            char bytes[3] = {(char)(record >> 16), (char)(record >> 8), (char)record};
            buf_add(out, bytes, sizeof bytes);
        }
    }
    static const char separator[16] = {0};
    buf_add(out, separator, sizeof separator);
}

static void add_metadata(struct buf *out, const char *kind, unsigned nodes, unsigned version)
{
    buf_add(out, "\xab\xcd\xefMaxMind.com", 14);
    add_map(out, 9);
    add_text(out, "languages"); /* an empty array */
    buf_add(out, "\0\4", 2);
    add_text(out, "description");
    add_map(out, 0);
    add_text(out, "node_count");
    add_number(out, 6, nodes, 4);
    add_text(out, "record_size");
    add_number(out, 5, 24, 2);
    add_text(out, "ip_version");
    add_number(out, 5, version, 2);
    add_text(out, "database_type");
    add_text(out, kind);
    add_text(out, "binary_format_major_version");
    add_number(out, 5, 2, 2);
    add_text(out, "binary_format_minor_version");
    add_number(out, 5, 0, 2);
    add_text(out, "build_epoch");
    add_number(out, 9, 1795168800, 8);
}

static void write_file(const char *path, const struct buf *bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->bytes, 1, bytes->size, file), bytes->size);
    fclose(file);
}

/* 198.51.100.0/24 in a file of IPv4: a country. */
static void write_countries(const char *path)
{
    struct buf out;
    buf_init(&out, 64 * 1024);
    add_tree(&out, (const unsigned char[]){198, 51, 100}, 24);
    add_map(&out, 1);
    add_text(&out, "country");
    add_map(&out, 1);
    add_text(&out, "iso_code");
    add_text(&out, "DE");
    add_metadata(&out, "Test-Country", 24, 4);
    write_file(path, &out);
    buf_clear(&out);
}

/* The same network at ::/96 of a file of both families, with what add_record writes. */
static void write_both_families(const char *path, const char *kind, void (*add_record)(struct buf *out))
{
    static const unsigned char prefix[16] = {[12] = 198, [13] = 51, [14] = 100};
    struct buf out;
    buf_init(&out, 64 * 1024);
    add_tree(&out, prefix, 120);
    add_record(&out);
    add_metadata(&out, kind, 120, 6);
    write_file(path, &out);
    buf_clear(&out);
}

static void add_maxmind_asn(struct buf *out)
{
    add_map(out, 2);
    add_text(out, "autonomous_system_number");
    add_number(out, 6, 64500, 4);
    add_text(out, "autonomous_system_organization");
    add_text(out, "Example Net");
}

static void write_systems(const char *path)
{
    write_both_families(path, "Test-ASN", add_maxmind_asn);
}

static void add_maxmind_enterprise(struct buf *out)
{
    add_map(out, 2);
    add_text(out, "registered_country");
    add_map(out, 1);
    add_text(out, "iso_code");
    add_text(out, "DE");
    add_text(out, "traits");
    add_map(out, 2);
    add_text(out, "autonomous_system_number");
    add_number(out, 6, 64500, 4);
    add_text(out, "autonomous_system_organization");
    add_text(out, "Example Net");
}

static void add_texts(struct buf *out, int count, const char *const *texts)
{
    add_map(out, count);
    for (int i = 0; i < 2 * count; i++)
        add_text(out, texts[i]);
}

/* ipinfo's "lite" has the country's name where its older files have the code. */
static void add_ipinfo_lite(struct buf *out)
{
    add_texts(out, 5,
              (const char *const[]){"country", "Germany", "country_code", "DE", "asn", "AS64500", "as_name", "Example Net", "as_domain",
                                    "net.example"});
}

static void add_ipinfo_country_asn(struct buf *out)
{
    add_texts(out, 4, (const char *const[]){"country", "DE", "country_name", "Germany", "asn", "AS64500", "as_name", "Example Net"});
}

static void add_ipinfo_asn(struct buf *out)
{
    add_texts(out, 3, (const char *const[]){"asn", "AS64500", "domain", "net.example", "name", "Example Net"});
}

static void add_iplocate_asn(struct buf *out)
{
    add_map(out, 4);
    add_text(out, "asn");
    add_number(out, 9, 64500, 8);
    add_text(out, "country_code");
    add_text(out, "DE");
    add_text(out, "name");
    add_text(out, "EXAMPLE-AS");
    add_text(out, "org");
    add_text(out, "Example Net");
}

static void add_geo_open(struct buf *out)
{
    add_map(out, 1);
    add_text(out, "country");
    add_texts(out, 3,
              (const char *const[]){"iso_code", "DE", "AutonomousSystemNumber", "64500", "AutonomousSystemOrganization", "Example Net"});
}

static void add_unknown(struct buf *out)
{
    add_texts(out, 3, (const char *const[]){"country", "-", "asn", "-", "as", "-"});
}

/* As MaxMind, ipinfo, IPLocate and CIRCL's Geo Open name the same things. */
static void reads_what_vendors_write(void **state)
{
    UNUSED(state);
    static const struct {
        const char *kind;
        void (*add_record)(struct buf *out);
        const char *country;
    } layouts[] = {{"GeoIP2-Enterprise", add_maxmind_enterprise, "DE"},
                   {"ipinfo ipinfo_lite.mmdb", add_ipinfo_lite, "DE"},
                   {"ipinfo country_asn.mmdb", add_ipinfo_country_asn, "DE"},
                   {"ipinfo asn.mmdb", add_ipinfo_asn, NULL},
                   {"ip-to-asn.mmdb", add_iplocate_asn, "DE"},
                   {"GeoOpen-Country-ASN", add_geo_open, "DE"}};
    char path[] = "/tmp/cirt-places-XXXXXX";
    assert_true(close(mkstemp(path)) == 0);
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        struct place found[PLACES_MAX];
        write_both_families(path, layouts[i].kind, layouts[i].add_record);
        struct places *places = places_new((const char *const[]){path, NULL});
        assert_int_equal(places_find(places, arena, "198.51.100.7", found), 1);
        assert_true(str_equal(found[0].country, layouts[i].country));
        assert_int_equal(found[0].asn, 64500);
        assert_string_equal(found[0].name, "Example Net");
        assert_string_equal(found[0].source, layouts[i].kind);
        places_free(places);
    }
    write_both_families(path, "says nothing", add_unknown);
    struct place found[PLACES_MAX];
    struct places *places = places_new((const char *const[]){path, NULL});
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 0);
    places_free(places);
    arena_free(arena);
    unlink(path);
}

static void looks_up(void **state)
{
    UNUSED(state);
    char folder[] = "/tmp/cirt-places-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *countries = mem_printf("%s/country.mmdb", folder), *systems = mem_printf("%s/asn.mmdb", folder),
         *broken = mem_printf("%s/broken.mmdb", folder);
    write_countries(countries);
    write_systems(systems);
    struct buf noise;
    buf_init(&noise, 100);
    buf_add_text(&noise, "this is no map");
    write_file(broken, &noise);
    buf_clear(&noise);
    struct places *places = places_new((const char *const[]){countries, broken, "/nonexistent.mmdb", systems, NULL});
    struct arena *arena = arena_new();
    struct place found[PLACES_MAX];
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 2);
    assert_string_equal(found[0].country, "DE");
    assert_string_equal(found[0].network, "198.51.100.0/24");
    assert_string_equal(found[0].source, "Test-Country");
    assert_int_equal(found[0].asn, 0);
    assert_true(found[0].built == INT64_C(1795168800000000));
    assert_int_equal(found[1].asn, 64500);
    assert_string_equal(found[1].name, "Example Net");
    assert_string_equal(found[1].network, "198.51.100.0/24");
    assert_null(found[1].country);
    assert_int_equal(places_find(places, arena, "198.51.100.0/25", found), 2);
    assert_int_equal(places_find(places, arena, "198.51.101.7", found), 0);
    assert_int_equal(places_find(places, arena, "2001:db8::1", found), 0);
    assert_int_equal(places_find(places, arena, "evil.example", found), 0);
    assert_int_equal(places_find(NULL, arena, "198.51.100.7", found), 0);
    arena_free(arena);
    places_free(places);
    unlink(countries);
    unlink(systems);
    unlink(broken);
    rmdir(folder);
    free(countries);
    free(systems);
    free(broken);
}

/* Whose tree leads behind its data. */
static void leaves_out_what_is_damaged(void **state)
{
    UNUSED(state);
    char path[] = "/tmp/cirt-places-XXXXXX";
    assert_true(close(mkstemp(path)) == 0);
    write_systems(path);
    FILE *file = fopen(path, "r+b");
    assert_int_equal(fseek(file, 119 * 6, SEEK_SET), 0);
    assert_int_equal(fwrite("\x7f\xff\xff\x7f\xff\xff", 1, 6, file), 6);
    fclose(file);
    struct places *places = places_new((const char *const[]){path, NULL});
    struct arena *arena = arena_new();
    struct place found[PLACES_MAX];
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 0);
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 0);
    unlink(path);
    write_systems(path);
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 1);
    places_free(places);
    arena_free(arena);
    unlink(path);
}

/* Two files of one kind are told apart by their names; who watches sees which are left out. */
static void names_the_files(void **state)
{
    UNUSED(state);
    char folder[] = "/tmp/cirt-places-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *one = mem_printf("%s/one.mmdb", folder), *two = mem_printf("%s/two.mmdb", folder);
    write_countries(one);
    struct places *places = places_new((const char *const[]){one, two, NULL});
    struct arena *arena = arena_new();
    struct place found[PLACES_MAX];
    const char *path, *fault;
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 1);
    assert_string_equal(found[0].source, "Test-Country");
    assert_true(places_check(places, 0, &path, &fault));
    assert_null(fault);
    assert_true(places_check(places, 1, &path, &fault));
    assert_string_equal(path, two);
    assert_non_null(fault);
    assert_false(places_check(places, 2, &path, &fault));
    assert_false(places_check(NULL, 0, &path, &fault));
    write_countries(two);
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 2);
    assert_string_equal(found[0].source, "Test-Country, one.mmdb");
    assert_string_equal(found[1].source, "Test-Country, two.mmdb");
    assert_true(places_check(places, 1, &path, &fault));
    assert_null(fault);
    arena_free(arena);
    places_free(places);
    unlink(one);
    unlink(two);
    rmdir(folder);
    free(one);
    free(two);
}

/* Files are replaced, cut and written over while they are in use. */
static void follows_the_files(void **state)
{
    UNUSED(state);
    char folder[] = "/tmp/cirt-places-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = mem_printf("%s/country.mmdb", folder), *newer = mem_printf("%s/newer.mmdb", folder),
         *late = mem_printf("%s/late.mmdb", folder);
    write_countries(path);
    struct stat whole;
    assert_int_equal(stat(path, &whole), 0);
    struct places *places = places_new((const char *const[]){path, late, NULL});
    struct arena *arena = arena_new();
    struct place found[PLACES_MAX];
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 1);
    assert_int_equal(truncate(path, whole.st_size / 2), 0);
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 0);
    write_countries(path);
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 1);
    write_systems(newer);
    assert_int_equal(rename(newer, path), 0);
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 1);
    assert_int_equal(found[0].asn, 64500);
    write_countries(late);
    assert_int_equal(places_find(places, arena, "198.51.100.7", found), 2);
    arena_free(arena);
    places_free(places);
    unlink(path);
    unlink(late);
    rmdir(folder);
    free(path);
    free(newer);
    free(late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(looks_up), cmocka_unit_test(reads_what_vendors_write),
                                       cmocka_unit_test(leaves_out_what_is_damaged), cmocka_unit_test(names_the_files),
                                       cmocka_unit_test(follows_the_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
