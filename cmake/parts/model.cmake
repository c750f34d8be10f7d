# bench/bench_predict: microseconds a prediction and configurations a second; built with the rest,
# run by hand or by bench/run.sh.
function(ergon_model_programs)
  add_executable(bench_predict "${PROJECT_SOURCE_DIR}/bench/bench_predict.c")
  target_link_libraries(bench_predict PRIVATE ergon_static)
  set_target_properties(bench_predict PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
endfunction()
cmake_language(DEFER CALL ergon_model_programs)
