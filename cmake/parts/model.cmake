# bench/bench_predict, bench_search: microseconds a prediction, configurations a second; built with
# the rest, run by hand or by bench/run.sh.
function(ergon_model_programs)
  foreach(name bench_predict bench_search)
    add_executable(${name} "${PROJECT_SOURCE_DIR}/bench/${name}.c")
    target_link_libraries(${name} PRIVATE ergon_static)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
  endforeach()
endfunction()
cmake_language(DEFER CALL ergon_model_programs)
