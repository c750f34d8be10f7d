# Controllers on the network: OpenIPMI is opened at run time, its headers give the layouts.
find_path(OPENIPMI_INCLUDE OpenIPMI/ipmi_conn.h)
if(OPENIPMI_INCLUDE)
  set_source_files_properties("${PROJECT_SOURCE_DIR}/src/measure/sensors/ipmi_lan.c" PROPERTIES
    COMPILE_DEFINITIONS ERGON_HAVE_OPENIPMI)
endif()

# What the measuring tests need beside unit tests: machines that are not there.
if(ERGON_TESTS)
  add_executable(fake_rapl "${PROJECT_SOURCE_DIR}/tests/fixtures/fake_rapl.c")
  target_compile_definitions(fake_rapl PRIVATE _GNU_SOURCE)
  set_target_properties(fake_rapl PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  # Libraries of GPU vendors, made up: NAME and the soname that it stands for.
  foreach(fake IN ITEMS nvml:nvidia-ml rocm_smi:rocm_smi64 amd_smi:amd_smi level_zero:ze_loader)
    string(REPLACE ":" ";" fake "${fake}")
    list(GET fake 0 name)
    list(GET fake 1 output)
    add_library(fake_${name} SHARED "${PROJECT_SOURCE_DIR}/tests/fixtures/fake_${name}.c")
    set_target_properties(fake_${name} PROPERTIES OUTPUT_NAME ${output} SOVERSION 1
      LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/fake_${name}")
  endforeach()
  # DCMI for OpenIPMI's simulator, where its headers are.
  if(OPENIPMI_INCLUDE)
    add_library(ipmi_sim_dcmi MODULE "${PROJECT_SOURCE_DIR}/tests/fixtures/ipmi_sim_dcmi.c")
    set_target_properties(ipmi_sim_dcmi PROPERTIES PREFIX ""
      LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    target_compile_options(ipmi_sim_dcmi PRIVATE -w) # its headers are not ours
    if(ERGON_SANITIZE OR CMAKE_C_FLAGS MATCHES "--coverage") # a program without either loads it
      target_compile_options(ipmi_sim_dcmi PRIVATE -fno-sanitize=all -fno-profile-arcs -fno-test-coverage)
      target_link_options(ipmi_sim_dcmi PRIVATE -fno-sanitize=all)
    endif()
  endif()
endif()

# bench/bench_sampler, bench_overhead: what a sample costs; built with the rest, run by hand or by bench/run.sh.
function(ergon_measure_programs)
  foreach(bench IN ITEMS bench_sampler bench_overhead)
    add_executable(${bench} "${PROJECT_SOURCE_DIR}/bench/${bench}.c")
    target_link_libraries(${bench} PRIVATE ergon_static)
    set_target_properties(${bench} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
  endforeach()
  if(TARGET ergon_test_support)
    foreach(name IN ITEMS nvml rocm_smi amd_smi level_zero)
      string(TOUPPER ${name} upper)
      target_compile_definitions(ergon_test_support PUBLIC
        ERGON_FAKE_${upper}="$<TARGET_FILE:fake_${name}>")
      add_dependencies(ergon_test_support fake_${name})
    endforeach()
    if(TARGET ipmi_sim_dcmi)
      target_compile_definitions(ergon_test_support PUBLIC
        ERGON_IPMI_SIM_DCMI="$<TARGET_FILE:ipmi_sim_dcmi>")
      add_dependencies(ergon_test_support ipmi_sim_dcmi)
    endif()
  endif()
endfunction()
cmake_language(DEFER CALL ergon_measure_programs)
