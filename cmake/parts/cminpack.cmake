# Least squares for `ergon model fit`.
pkg_check_modules(CMINPACK REQUIRED IMPORTED_TARGET cminpack)
target_link_libraries(ergon_objects PUBLIC PkgConfig::CMINPACK)
