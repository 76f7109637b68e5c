#include "model/host_name.h"

#include <string.h>

#include "base/attr.h"
#include "base/str.h"
#include "model/public_suffix.h"

static bool is_listed(const char *label, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(label, list[i]))
            return true;
    return false;
}

bool host_name_has_suffix(const char *domain)
{
    static const char *const others[] = {"example",  "test",   "invalid",  "localhost", "local", "lan",   "localdomain",
                                         "internal", "intern", "intranet", "corp",      "home",  "onion", "i2p"};
    const char *dot = strrchr(domain, '.');
    return dot && (public_suffix_of(domain) || is_listed(dot + 1, others, ARRAY_SIZE(others)));
}

bool host_name_ends_as_file(const char *label)
{
    static const char *const labels[] = {
        "exe",  "dll",  "sys",  "bin",  "scr",        "pif",  "cpl",  "msi", "msix", "jar", "war", "apk",  "elf",  "lnk",   "hta",  "chm",
        "bat",  "cmd",  "ps1",  "psm1", "vbs",        "vbe",  "wsf",  "js",  "jse",  "css", "php", "php3", "php5", "phtml", "asp",  "aspx",
        "ashx", "jsp",  "html", "htm",  "shtml",      "xml",  "json", "csv", "txt",  "log", "pdf", "doc",  "docx", "docm",  "docs", "dot",
        "xls",  "xlsx", "xlsm", "xlsb", "ppt",        "pptx", "rtf",  "jpg", "jpeg", "png", "gif", "bmp",  "svg",  "ico",   "rar",  "gz",
        "tar",  "bz",   "bz2",  "iso",  "img",        "vhd",  "vhdx", "dat", "data", "tmp", "bak", "db",   "sql",  "conf",  "cfg",  "ini",
        "inc",  "yml",  "yaml", "toml", "properties", "map",  "reg",  "eml", "msg",  "pem", "crt", "key",  "mo",   "ads"};
    return is_listed(label, labels, ARRAY_SIZE(labels));
}
