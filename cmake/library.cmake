# libergon: everything under src/ but the command line. A new file in a known folder needs no line here.
file(GLOB_RECURSE ERGON_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.c")
list(FILTER ERGON_SOURCES EXCLUDE REGEX "/src/cli/")

add_library(ergon_objects OBJECT ${ERGON_SOURCES})
target_include_directories(ergon_objects PUBLIC
  "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
target_compile_definitions(ergon_objects PUBLIC _GNU_SOURCE
  PRIVATE ERGON_VERSION="${PROJECT_VERSION}")
# On the one file that needs it: another prefix must not compile everything anew.
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/base/env.c" PROPERTIES
  COMPILE_DEFINITIONS ERGON_INSTALLED_DATA="${CMAKE_INSTALL_PREFIX}/share/ergon")
# Dangerous calls do not compile in our own sources; tests and what users build are left alone.
set(ERGON_BANNED "$<$<COMPILE_LANGUAGE:C>:SHELL:-include ${PROJECT_SOURCE_DIR}/src/base/banned.h>")
target_compile_options(ergon_objects PRIVATE ${ERGON_BANNED})
set(ERGON_LIBS PkgConfig::JANSSON PkgConfig::SQLITE Threads::Threads OpenMP::OpenMP_C m
    ${CMAKE_DL_LIBS})
target_link_libraries(ergon_objects PUBLIC ${ERGON_LIBS})

# Optional folders add their own flags and libraries: cmake/parts/NAME.cmake.
file(GLOB ERGON_PARTS CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/parts/*.cmake")
foreach(part IN LISTS ERGON_PARTS)
  include("${part}")
endforeach()

add_library(ergon_static STATIC $<TARGET_OBJECTS:ergon_objects>)
target_link_libraries(ergon_static PUBLIC ergon_objects)
set_target_properties(ergon_static PROPERTIES OUTPUT_NAME ergon)

add_library(ergon_shared SHARED $<TARGET_OBJECTS:ergon_objects>)
target_link_libraries(ergon_shared PRIVATE ergon_objects)
set_target_properties(ergon_shared PROPERTIES OUTPUT_NAME ergon
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/exports.map")
target_link_options(ergon_shared PRIVATE "-Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map")

# A row's few scalars are not worth packing: 4% of a prediction.
set_source_files_properties(src/model/timetable.c PROPERTIES COMPILE_OPTIONS -fno-tree-slp-vectorize)
