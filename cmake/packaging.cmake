# make install, make deb: the command, the library, its headers, man page, completions, data.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(made "${CMAKE_BINARY_DIR}/packaging")
file(MAKE_DIRECTORY "${made}")

# Man page and completions come from the command table, so the built command writes them.
set(texts)
function(ergon_text file)
  add_custom_command(OUTPUT "${made}/${file}" DEPENDS ergon
    COMMAND ergon help ${ARGN} > "${made}/${file}.new"
    COMMAND ${CMAKE_COMMAND} -E rename "${made}/${file}.new" "${made}/${file}"
    COMMENT "Writing ${file}" VERBATIM)
  set(texts ${texts} "${made}/${file}" PARENT_SCOPE)
endfunction()
ergon_text(ergon.1 --man)
ergon_text(ergon.bash --completion bash)
ergon_text(_ergon --completion zsh)
ergon_text(ergon.fish --completion fish)
if(ERGON_SANITIZE)
  add_custom_target(ergon_texts DEPENDS ${texts})
else()
  add_custom_target(ergon_texts ALL DEPENDS ${texts})
endif()
# All that is installed, without the tests.
add_custom_target(product DEPENDS ergon ergon_static ergon_shared ergon_texts)

target_include_directories(ergon_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(ergon_shared PROPERTIES EXPORT_NAME ergon)
install(TARGETS ergon RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ergon_shared EXPORT ergon LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS ergon_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ergon DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/ergon OPTIONAL)
install(FILES "${made}/ergon.1" DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES "${made}/ergon.bash" RENAME ergon
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES "${made}/_ergon" DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES "${made}/ergon.fish" DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# A module file is of one compiler: programs compile the source with their own.
install(FILES bindings/fortran/ergon.f90 DESTINATION ${CMAKE_INSTALL_DATADIR}/ergon/fortran)
# For ergon serve. Where systemd looks is beside lib, whatever the library folder is called.
configure_file(packaging/ergon.service.in "${made}/ergon.service" @ONLY)
install(FILES "${made}/ergon.service" DESTINATION lib/systemd/system)
install(FILES packaging/ergon.sysusers RENAME ergon.conf DESTINATION lib/sysusers.d)

# find_package(ergon) gives ergon::ergon, the shared library.
install(EXPORT ergon NAMESPACE ergon:: FILE ergonConfig.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ergon)
write_basic_package_version_file("${made}/ergonConfigVersion.cmake" COMPATIBILITY SameMajorVersion)
install(FILES "${made}/ergonConfigVersion.cmake" DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ergon)

# ergon.pc: what the static library needs is what ergon_objects was given, parts included. Only direct
# needs are named: their own (zlib for SQLite, say) come with the shared libraries that distributions ship.
get_target_property(libraries ergon_objects LINK_LIBRARIES)
set(ERGON_PC_LIBRARIES "")
foreach(library IN LISTS libraries)
  if(library MATCHES "^PkgConfig::(.+)$")
    list(JOIN ${CMAKE_MATCH_1}_LDFLAGS " " flags)
    string(APPEND ERGON_PC_LIBRARIES " ${flags}")
  elseif(library MATCHES "^Threads::")
    string(APPEND ERGON_PC_LIBRARIES " -pthread")
  elseif(library MATCHES "^OpenMP::")
    string(APPEND ERGON_PC_LIBRARIES " -fopenmp")
  elseif(library MATCHES "^[A-Za-z0-9_+]+$")
    string(APPEND ERGON_PC_LIBRARIES " -l${library}")
  else()
    string(APPEND ERGON_PC_LIBRARIES " ${library}")
  endif()
endforeach()
set(PREFIX "@PREFIX@")
configure_file(cmake/ergon.pc.in "${made}/ergon.pc.in" @ONLY)
# The prefix may be chosen as late as `cmake --install --prefix`.
install(CODE "
  set(PREFIX \"\${CMAKE_INSTALL_PREFIX}\")
  configure_file(\"${made}/ergon.pc.in\" \"${made}/ergon.pc\" @ONLY)")
install(FILES "${made}/ergon.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ergon)
set(CPACK_PACKAGE_VENDOR "The ergon contributors")
set(CPACK_PACKAGE_CONTACT "The ergon contributors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
# Opened at run time where it is there, so no tool finds it in the binary.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS libopenblas0)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "ergon measures the energy of a command, finds what it was spent on, predicts
time, power and energy of training and inference on devices that it knows, and
simulates clusters under scheduling policies that save energy.")
include(CPack)
