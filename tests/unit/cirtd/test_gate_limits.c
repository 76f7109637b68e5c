#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cirtd/gate/gate_limits.h"

static const struct sockaddr *address_of(const char *text)
{
    static struct sockaddr_storage storage;
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)&storage;

    memset(&storage, 0, sizeof storage);
    if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1)
        storage.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) == 1)
        storage.ss_family = AF_INET6;
    return (struct sockaddr *)&storage;
}

static void one_ipv6_site_is_one_address(void **state)
{
    UNUSED(state);
    struct gate_limits limits = {.connections_max = 100, .connections_per_address_max = 2, .requests_per_address_max = 1};
    struct gate_limits_table *table = gate_limits_table_new();
    const char *reason = NULL;

    struct gate_limits_address *a = gate_limits_enter(table, &limits, address_of("2001:db8:0:1::1"), &reason);
    struct gate_limits_address *b = gate_limits_enter(table, &limits, address_of("2001:db8:0:1:ffff::2"), &reason);
    assert_non_null(a);
    assert_ptr_equal(a, b);
    assert_null(gate_limits_enter(table, &limits, address_of("2001:db8:0:1::3"), &reason));
    assert_non_null(strstr(reason, "one address"));
    struct gate_limits_address *other = gate_limits_enter(table, &limits, address_of("2001:db8:0:2::1"), &reason);
    assert_non_null(other);
    assert_ptr_not_equal(a, other);

    assert_true(gate_limits_begin(a, &limits));
    assert_false(gate_limits_begin(b, &limits));
    assert_true(gate_limits_begin(other, &limits));
    gate_limits_end(a);
    assert_true(gate_limits_begin(b, &limits));

    gate_limits_leave(table, b);
    assert_non_null(gate_limits_enter(table, &limits, address_of("2001:db8:0:1::3"), &reason));
    gate_limits_table_free(table);
}

static void ipv4_is_the_same_in_both_forms(void **state)
{
    UNUSED(state);
    struct gate_limits limits = {.connections_max = 100, .connections_per_address_max = 1};
    struct gate_limits_table *table = gate_limits_table_new();
    const char *reason = NULL;
    char text[INET6_ADDRSTRLEN];

    assert_non_null(gate_limits_enter(table, &limits, address_of("192.0.2.1"), &reason));
    assert_null(gate_limits_enter(table, &limits, address_of("::ffff:192.0.2.1"), &reason));
    assert_non_null(gate_limits_enter(table, &limits, address_of("::ffff:192.0.2.2"), &reason));
    gate_limits_text(address_of("::ffff:192.0.2.1"), text, sizeof text);
    assert_string_equal(text, "192.0.2.1");
    gate_limits_text(address_of("2001:db8::7"), text, sizeof text);
    assert_string_equal(text, "2001:db8::7");
    assert_true(gate_limits_is_loopback(address_of("127.3.0.1")));
    assert_true(gate_limits_is_loopback(address_of("::1")));
    assert_true(gate_limits_is_loopback(address_of("::ffff:127.0.0.1")));
    assert_false(gate_limits_is_loopback(address_of("::")));
    assert_false(gate_limits_is_loopback(address_of("128.0.0.1")));
    gate_limits_table_free(table);
}

static void all_together_are_limited_and_forgotten(void **state)
{
    UNUSED(state);
    enum { COUNT = 5000 };
    struct gate_limits limits = {.connections_max = COUNT, .connections_per_address_max = 1};
    struct gate_limits_table *table = gate_limits_table_new();
    static struct gate_limits_address *entered[COUNT];
    const char *reason = NULL;

    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + i)};
            entered[i] = gate_limits_enter(table, &limits, (struct sockaddr *)&address, &reason);
            assert_non_null(entered[i]);
        }
        assert_null(gate_limits_enter(table, &limits, address_of("192.0.2.1"), &reason));
        assert_string_equal(reason, "too many connections");
        for (int i = 0; i < COUNT; i++)
            gate_limits_leave(table, entered[i]);
    }
    gate_limits_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_ipv6_site_is_one_address),
        cmocka_unit_test(ipv4_is_the_same_in_both_forms),
        cmocka_unit_test(all_together_are_limited_and_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
