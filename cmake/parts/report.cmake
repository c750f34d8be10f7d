# The report's figures are drawn by vega, vega-lite and vega-embed. `npm ci` fetches exactly what
# web/package-lock.json names, once, at build time and into the build folder; the three files are
# then embedded, so that nothing is fetched at run time.
set(ERGON_FIGURES AUTO CACHE STRING
    "Figures in reports: AUTO (left out where npm or the network is absent), ON (required), OFF")
set_property(CACHE ERGON_FIGURES PROPERTY STRINGS AUTO ON OFF)

set(web_source "${PROJECT_SOURCE_DIR}/web")
set(web_build "${CMAKE_BINARY_DIR}/web")
set(web_inputs "${web_source}/package.json" "${web_source}/package-lock.json"
    "${web_source}/.npmrc" "${web_source}/report.css" "${web_source}/report.js"
    "${PROJECT_SOURCE_DIR}/cmake/web_assets.cmake")

# What could not be fetched is tried again whenever the build is configured anew.
if(EXISTS "${web_build}/figures-left-out")
  file(REMOVE "${web_build}/figures-left-out" "${web_build}/include/report/web_assets.h")
endif()

add_custom_command(
  OUTPUT "${web_build}/include/report/web_assets.h"
  COMMAND ${CMAKE_COMMAND} "-DSOURCE=${web_source}" "-DBUILD=${web_build}"
          "-DFIGURES=${ERGON_FIGURES}" -P "${PROJECT_SOURCE_DIR}/cmake/web_assets.cmake"
  DEPENDS ${web_inputs}
  COMMENT "Fetching vega, vega-lite and vega-embed for the report's figures"
  VERBATIM)
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/report/assets.c" PROPERTIES
  OBJECT_DEPENDS "${web_build}/include/report/web_assets.h" INCLUDE_DIRECTORIES "${web_build}/include")
