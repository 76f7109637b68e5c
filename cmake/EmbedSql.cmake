# sql/ becomes part of the binary: statements and filter fragments as tables, migrations, functions and grants as texts.
file(GLOB sql_statement_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sql/statements/*.sql)
file(GLOB sql_filter_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sql/filters/*.sql)
file(GLOB sql_script_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sql/*.sql ${PROJECT_SOURCE_DIR}/sql/migrations/*.sql ${PROJECT_SOURCE_DIR}/sql/functions/*.sql
    ${PROJECT_SOURCE_DIR}/sql/grants/*.sql)
set(sql_out ${PROJECT_BINARY_DIR}/generated)
add_custom_command(
    OUTPUT ${sql_out}/store/sql_statements.h ${sql_out}/sql_statements.c
    COMMAND ${PROJECT_SOURCE_DIR}/cmake/embed-sql ${PROJECT_SOURCE_DIR} ${sql_out}
    DEPENDS ${sql_statement_files} ${sql_filter_files} ${sql_script_files} ${PROJECT_SOURCE_DIR}/cmake/embed-sql
            ${PROJECT_SOURCE_DIR}/cmake/embed-sql.awk
    COMMENT "embedding sql/")
add_library(embedded_sql STATIC ${sql_out}/sql_statements.c ${sql_out}/store/sql_statements.h)
target_include_directories(embedded_sql PUBLIC ${sql_out})
